package pulse_test

import (
	"testing"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/pulse"
	"tollgate/internal/tenant"
)

var noon = time.Date(2030, 1, 2, 12, 0, 30, 0, time.UTC)

func TestHour(t *testing.T) {
	p := pulse.New()
	for range 4 {
		p.Attempt(noon, 7)
	}
	p.Rang(noon, 7, 2*time.Second)
	p.Rang(noon, 7, 4*time.Second)
	p.Answered(noon, 7)
	p.Failed(noon.Add(time.Minute), 7)
	p.Refused(noon.Add(time.Minute), 7, policy.Firewalled, true)
	p.Refused(noon.Add(time.Minute), 7, policy.Firewalled, false)
	p.Refused(noon, 0, policy.UnknownDomain, true)
	p.Rated(noon, 7, 4.2)
	p.Rated(noon, 7, 0)
	p.Attempt(noon, 8)
	now := noon.Add(time.Minute)

	one := p.Report(now, []tenant.CustomerID{7, 99, 0})
	if last, before := one.Minutes[59], one.Minutes[58]; last.Attempts != 1 || last.Failed != 1 || last.Refused != 1 ||
		before.Attempts != 4 || before.Answered != 1 || !last.At.Equal(noon.Truncate(time.Minute).Add(time.Minute)) {
		t.Errorf("%+v, then %+v", before, last)
	}
	if one.Rang != 2 || one.Delay != 6*time.Second || one.Rated != 1 || one.Score != 4.2 {
		t.Errorf("%+v", one)
	}
	if m := one.Minutes[58]; m.PDD == nil || *m.PDD != 3 || m.MOS == nil || *m.MOS != 4.2 || one.Minutes[59].PDD != nil || one.Minutes[59].MOS != nil {
		t.Errorf("means: %+v", m)
	}
	if len(one.Refused) != 1 || one.Refused[policy.Firewalled] != 2 {
		t.Errorf("refused: %v", one.Refused)
	}
	all := p.Report(now, nil)
	if all.Minutes[58].Attempts != 5 || all.Refused[policy.UnknownDomain] != 1 || all.Minutes[58].Refused != 0 {
		t.Errorf("all: %+v %v", all.Minutes[58], all.Refused)
	}
	if none := p.Report(now, []tenant.CustomerID{}); none.Minutes[58].Attempts != 0 {
		t.Error("nobody's report has calls")
	}
	later := p.Report(noon.Add(2*time.Hour), nil)
	for _, m := range later.Minutes {
		if m.Attempts+m.Answered+m.Failed+m.Refused != 0 {
			t.Errorf("after two hours: %+v", m)
		}
	}
	if len(later.Refused) != 0 || later.Rang != 0 {
		t.Errorf("after two hours: %+v", later)
	}
}

func TestRate(t *testing.T) {
	p := pulse.New()
	for i := range 5 {
		for range 3 {
			p.Attempt(noon.Add(time.Duration(i)*time.Second), 7)
		}
	}
	if rate := p.Report(noon.Add(5*time.Second), nil).Rate; rate < 2.99 || rate > 3.01 {
		t.Errorf("%v calls a second, want 3", rate)
	}
	if rate := p.Report(noon.Add(time.Minute), nil).Rate; rate != 0 {
		t.Errorf("a minute later %v calls a second", rate)
	}
}

// TestBound: more customers than have room count for all, and get room once others are quiet.
func TestBound(t *testing.T) {
	p := pulse.New()
	const many = 2 * pulse.Customers
	for id := range tenant.CustomerID(many) {
		p.Attempt(noon, id+1)
	}
	if all := p.Report(noon, nil); all.Minutes[59].Attempts != many {
		t.Errorf("%d attempts of all", all.Minutes[59].Attempts)
	}
	apart := 0
	for id := range tenant.CustomerID(many) {
		apart += p.Report(noon, []tenant.CustomerID{id + 1}).Minutes[59].Attempts
	}
	if apart > pulse.Customers || apart < pulse.Customers-16 {
		t.Errorf("%d customers have a count of their own", apart)
	}
	later := noon.Add(2 * time.Hour)
	p.Attempt(later, many)
	if p.Report(later, []tenant.CustomerID{many}).Minutes[59].Attempts != 1 {
		t.Error("no room for who calls when the others are quiet")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	p := pulse.New()
	count := func() {
		p.Attempt(noon, 7)
		p.Rang(noon, 7, time.Second)
		p.Answered(noon, 7)
		p.Failed(noon, 7)
		p.Rated(noon, 7, 4)
		p.Refused(noon, 7, policy.Firewalled, true)
	}
	count()
	if n := testing.AllocsPerRun(100, count); n != 0 {
		t.Errorf("%v allocations for a call", n)
	}
}

func BenchmarkAttempt(b *testing.B) {
	p := pulse.New()
	b.ReportAllocs()
	for b.Loop() {
		p.Attempt(noon, 7)
	}
}
