package registrar_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
)

// restart makes the registrar of the next process from the journal, its keys the given minter's, on a
// layer that does not run yet.
func (r *rig) restart(minter *dialog.Minter) (*transaction.Layer, *registrar.Registrar) {
	r.t.Helper()
	layer, next := r.node(minter)
	for id, data := range r.journal.kept {
		if err := next.Restore(id, data); err != nil {
			r.t.Errorf("restore: %v", err)
		}
	}
	return layer, next
}

// TestRestart: all is as it was, over UDP at once; a connection's phone is known but
// not reachable.
func TestRestart(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		req, _ := p.accept([]string{desk + instance + ";q=0.5"}, "User-Agent: Desk\t7", "Path: <sip:p1.example;lr>", "Expires: 900")
		r.phone("a%20b").accept([]string{soft})
		line := r.phone("3402")
		line.flow = tcp(movedAddr, 77)
		line.accept([]string{"<sip:3402@10.0.0.5>"})
		was := r.reg.List(everyone, registrar.Place{}, 0)
		r.wait(100 * time.Second)
		r.reg.Closed(udp(phoneAddr)) // says nothing over UDP
		if r.reg.Checkpoint() != nil || r.journal.take() == "" {
			t.Error("no checkpoint")
		}
		r.mu.Lock()
		r.dead[77] = true
		r.mu.Unlock()
		_, next := r.restart(dialog.NewMinter(1, 2, dialog.Key{K0: 3, K1: 4}, dialog.Key{ID: 2, K0: 5, K1: 6}, dialog.Key{ID: 1, K0: 1, K1: 2}))
		for i := range was {
			was[i].Reachable = was[i].AOR != "3402@acme.test"
		}
		now := next.List(everyone, registrar.Place{}, 0)
		if len(now) != 3 || now[0] != was[0] || now[1] != was[1] || now[2] != was[2] {
			t.Errorf("was %+v\nnow %+v", was, now)
		}
		id, _ := r.minter.Parse([]byte(token(req, 0)))
		before, _ := r.reg.ByID(id.Stable)
		after, _ := next.ByID(id.Stable)
		if before != after || after.Path == "" || after.Q != 500 {
			t.Errorf("was %+v, now %+v", before, after)
		}
		if c, ok := next.ByFlow(tcp(movedAddr, 77)); !ok || c.AOR != "3402@acme.test" {
			t.Errorf("by its flow: %v %+v", ok, c)
		}
		if c := next.ByAOR(nil, 1, []byte("a b"), "acme.test"); len(c) != 1 || c[0].AOR != "a b@acme.test" {
			t.Errorf("by its address of record: %+v", c)
		}
	})
}

// TestRefreshesKept: a refresh that changes nothing is not written each time, and yet a crash
// takes nothing that was promised.
func TestRefreshesKept(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		p := r.phone("3401")
		puts, restarts := 0, 0
		refresh := func(life string, more ...string) bool {
			t.Helper()
			r.journal.take()
			p.accept([]string{desk + ";expires=" + life}, more...)
			log := r.journal.take()
			if log == "put 200" {
				puts++
			}
			_, next := r.restart(r.minter)
			is, kept := r.reg.List(everyone, registrar.Place{}, 0), next.List(everyone, registrar.Place{}, 0)
			if len(is) != 1 || len(kept) != 1 || kept[0].Expires.Before(is[0].Expires) || kept[0].Expires.Sub(is[0].Expires) > 2*time.Hour {
				t.Errorf("promised %+v, kept %+v", is, kept)
			} else if is[0].Expires = kept[0].Expires; is[0] != kept[0] {
				t.Errorf("is %+v, kept %+v", is, kept)
			}
			restarts++
			return log == "put 200"
		}
		for range 12 {
			refresh("3600")
			r.wait(30 * time.Minute)
		}
		if puts > 7 || restarts != 12 {
			t.Errorf("%d of %d were written", puts, restarts)
		}
		refresh("3600")
		switch {
		case !refresh("60"):
			t.Error("a shorter life was not written")
		case refresh("60"), refresh("100"):
			t.Error("nothing new was written")
		case !refresh("60", "User-Agent: other"):
			t.Error("another User-Agent was not written")
		}
		refresh("60", "User-Agent: other")
		p.flow = udp(movedAddr)
		if !refresh("60", "User-Agent: other") {
			t.Error("another flow was not written")
		}
	})
}

// TestTokenOutlivesKeys: a refresh after a restart with a newer key has the old token.
func TestTokenOutlivesKeys(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		before, _ := p.accept([]string{desk})
		minter := dialog.NewMinter(1, 2, dialog.Key{K0: 3, K1: 4}, dialog.Key{ID: 2, K0: 5, K1: 6}, dialog.Key{ID: 1, K0: 1, K1: 2})
		kept := maps.Clone(r.journal.kept)
		old := r.reg
		r.minter = minter
		r.layer, r.reg = r.node(minter)
		for id, data := range kept {
			if err := r.reg.Restore(id, data); err != nil {
				t.Fatal(err)
			}
		}
		after, ok := p.accept([]string{desk})
		if token(after, 0) != token(before, 0) || !strings.HasPrefix(header(ok, "Contact"), desk) {
			t.Errorf("another token:\n%s%s", after, ok)
		}
		p.accept([]string{desk + ";expires=0"})
		if fresh, _ := p.accept([]string{desk}); token(fresh, 0) == token(before, 0) {
			t.Error("the old key is used for ever")
		}
		r.reg = old // to be closed
	})
}

// TestNotRestored: what cannot be used any more, and what is no record.
func TestNotRestored(t *testing.T) {
	run(t, false, func(r *rig) {
		r.phone("3401").accept([]string{desk + ";expires=600"})
		r.answerPings(true)
		var id dialog.Stable
		var data []byte
		for id, data = range r.journal.kept {
			data = append([]byte(nil), data...)
		}
		fresh := func(keys ...dialog.Key) *registrar.Registrar {
			_, next := r.node(dialog.NewMinter(1, 1, dialog.Key{K0: 3, K1: 4}, keys...))
			return next
		}
		own := dialog.Key{ID: 1, K0: 1, K1: 2}
		left := func(name string, next *registrar.Registrar, id dialog.Stable, data []byte, fails bool) {
			t.Helper()
			if err := next.Restore(id, data); (err != nil) != fails || next.Len() != 0 {
				t.Errorf("%s: %v, %d bindings", name, err, next.Len())
			}
		}
		left("a key that is gone", fresh(dialog.Key{ID: 2, K0: 5, K1: 6}), id, data, false)
		other := id
		other[0]++
		left("another id", fresh(own), other, data, true)
		left("nothing", fresh(own), id, nil, true)
		left("a newer version", fresh(own), id, append([]byte{2}, data[1:]...), true)
		left("more than a record", fresh(own), id, append(append([]byte(nil), data...), 0), true)
		for n := range data {
			left("torn", fresh(own), id, data[:n], true)
		}
		r.gone[edgeAddr] = true
		left("a listener that is gone", fresh(own), id, data, false)
		r.gone[edgeAddr] = false
		twice := fresh(own)
		for range 2 {
			if err := twice.Restore(id, data); err != nil || twice.Len() != 1 {
				t.Errorf("%v, %d bindings", err, twice.Len())
			}
		}
		r.wait(600 * time.Second)
		left("expired", fresh(own), id, data, false)
	})
}

// TestCloseKeeps: connections that end with the process end no binding.
func TestCloseKeeps(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		p.flow = tcp(phoneAddr, 5)
		p.accept([]string{desk})
		_, next := r.node(r.minter)
		for id, data := range r.journal.kept {
			if err := next.Restore(id, data); err != nil {
				t.Fatal(err)
			}
		}
		next.Close()
		next.Closed(p.flow)
		if next.Len() != 1 || len(r.journal.kept) != 1 {
			t.Error("gone")
		}
	})
}

// TestRemove: by the list's id, within what the caller may see.
func TestRemove(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		p.accept([]string{desk})
		id := r.reg.List(everyone, registrar.Place{}, 0)[0].ID
		nobody := func(tenant.CustomerID) bool { return false }
		for _, bad := range []string{"", "zz", id[:22], id + "00", strings.Repeat("0", 24)} {
			if r.reg.Remove(bad, everyone) {
				t.Errorf("removed %q", bad)
			}
		}
		if r.reg.Remove(id, nobody) || len(r.reg.List(nobody, registrar.Place{}, 0)) != 0 {
			t.Error("another's")
		}
		if !r.reg.Remove(id, everyone) || r.reg.Len() != 0 || len(r.journal.kept) != 0 {
			t.Error("not removed")
		}
		p.accept([]string{desk})
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob")
	})
}

// FuzzRestore: whatever bytes a journal gives.
func FuzzRestore(f *testing.F) {
	r := newRig(f, false)
	r.t = f
	flow := transport.Flow{Proto: transport.UDP, Local: edgeAddr, Remote: phoneAddr}
	r.learn(flow)
	for _, data := range r.journal.kept {
		f.Add(data)
	}
	var id dialog.Stable
	for id = range r.journal.kept {
		break
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, next := r.node(r.minter)
		if err := next.Restore(id, data); err != nil || next.Len() == 0 {
			return
		}
		list := next.List(everyone, registrar.Place{}, 0)
		if err := next.Checkpoint(); err != nil || len(list) != 1 {
			t.Fatalf("%v, %+v", err, list)
		}
		_, again := r.node(r.minter)
		if err := again.Restore(id, r.journal.kept[id]); err != nil || again.Len() != 1 {
			t.Fatalf("its own record: %v", err)
		}
	})
}
