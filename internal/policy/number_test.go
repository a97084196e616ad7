package policy_test

import (
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/sip"
)

func TestNumberPlan(t *testing.T) {
	italy := policy.NumberPlan{Country: "39", International: "00"}
	germany := policy.NumberPlan{Country: "49", International: "00", National: "0"}
	none := policy.NumberPlan{International: "00"}
	tests := []struct {
		plan   policy.NumberPlan
		in     string
		want   string
		number bool
	}{
		{italy, "+39040123", "+39040123", true},
		{italy, "0039040123", "+39040123", true},
		{italy, "040123", "+39040123", true},
		{italy, "%30%34%30123", "+39040123", true},
		{italy, "%2B39040123", "+39040123", true},
		{italy, "(040) 12-3.", "+39040123", true},
		{italy, "TEL:+39-040-123", "+39040123", true},
		{italy, "112", "+39112", true},
		{italy, "1234;phone-context=+3904", "+39041234", true},
		{italy, "1234;x=y;phone-context=a.example", "+391234", true},
		{italy, "+391234;phone-context=+44", "+391234", true},
		{germany, "040123", "+4940123", true},
		{germany, "0049 40 123", "+4940123", true},
		{germany, "112", "112", true},
		{germany, "0", "+49", true},
		{none, "0039040", "0039040", true},
		{none, "+39 040", "+39040", true},
		{italy, "alice", "alice", false},
		{italy, "al%69ce", "alice", false},
		{italy, "*1", "*1", false},
		{italy, "12#", "+3912#", false},
		{italy, "1+2", "+3912", false},
		{italy, "+", "+", false},
		{italy, "", "", false},
		{italy, "--", "", false},
		{italy, "12%", "+3912", false},
		{italy, "0%0940/1_2", "+3904012", false},
		{italy, "%E2%80%AA040123", "+39040123", false},
		{italy, "040x123", "+39040x123", false},
		{italy, "++39040", "+39040", false},
		{italy, "+0039040", "+39040", true},
		{italy, strings.Repeat("-", 200) + "040", "+39040", true},
		{italy, "040" + strings.Repeat("1", 200), "+39040" + strings.Repeat("1", 61), false},
		{italy, "40;phone-context=%2B390", "+39040", true},
		{germany, "+49 (0) 40", "+4940", true},
		{germany, "0049040", "+4940", true},
		{germany, "+39040", "+39040", true},
	}
	for _, test := range tests {
		got, number := test.plan.Append([]byte("x"), []byte(test.in), nil)
		if string(got) != "x"+test.want || number != test.number {
			t.Errorf("%+v %q: %q %v, want %q %v", test.plan, test.in, got[1:], number, test.want, test.number)
		}
	}
}

func TestNumberPlanURI(t *testing.T) {
	plan := policy.NumberPlan{Country: "39", International: "00"}
	for in, want := range map[string]string{
		"tel:7042;phone-context=+3904":               "+39047042",
		"tel:040-123":                                "+39040123",
		"sip:040123;phone-context=x@a.example":       "+39040123",
		"sips:+39040123:secret@a.example;user=phone": "+39040123",
	} {
		uri, err := sip.ParseURI([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := plan.AppendURI(nil, &uri); string(got) != want || !ok {
			t.Errorf("%s: %s %v, want %s", in, got, ok, want)
		}
	}
}

func FuzzNumber(f *testing.F) {
	f.Add("+39 (040) 12", "39", "00", "0")
	f.Add("%30%34;phone-context=+1", "", "", "")
	f.Fuzz(func(t *testing.T, in, country, international, national string) {
		plan := policy.NumberPlan{Country: country, International: international, National: national}
		out, ok := plan.Append(nil, []byte(in), nil)
		if ok && len(out) == 0 {
			t.Errorf("%q is an empty number", in)
		}
		if len(out) > 2*64+1+len(country) {
			t.Errorf("%q becomes %d bytes", in, len(out))
		}
	})
}
