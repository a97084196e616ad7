package policy_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tollgate/internal/policy"
)

func TestRegexFromExamples(t *testing.T) {
	list := strings.Fields
	for _, test := range []struct{ examples, counters, want string }{
		{"0401234567", "", `^040(1234567)$ ^040([0-9]+)$ ^([0-9]+)$`},
		{"0401234567", "0651234567", `^040(1234567)$ ^040([0-9]{7})$ ^040([0-9]+)$`},
		{"0401234567 0409876543", "", `^040([19][28][37][46]5[46][37])$ ^040([0-9]+)$ ^([0-9]+)$`},
		{"00390401 00390402 00390403", "", `^0039040([1-3])$ ^0039040([0-9]+)$ ^([0-9]+)$`},
		{"00390401 0039065", "", `^00390([0-9]{2,3})$ ^([0-9]{7,8})$ ^([0-9]+)$`},
		{"+39040 39040", "", `^([0-9\+]{5,6})$ ^([0-9\+]+)$`},
		{"+39040 +49030", "0039040", `^\+([34]90[34]0)$ ^\+([0-9]+)$ ^([0-9\+]{6})$`},
		{"1001 1002", "1003", `^100([12])$`},
		{"10 11 13 20", "12", `^([12][013])$`},
		{"a.b", "axb", `^a\.(b)$ ^a\.([a-z]{1})$ ^a\.([a-z]+)$`},
		{"x", "", `^(x)$ ^([a-z]{1})$ ^([a-z]+)$`},
		{"*21# *22#", "*2#", `^\*2([12]#)$ ^\*2([0-9\#]{2})$ ^([0-9\#\*]{4})$`},
	} {
		got, err := policy.RegexFromExamples(list(test.examples), list(test.counters))
		if err != nil || len(got) == 0 || len(got) > 3 {
			t.Errorf("%s: %v, %v", test.examples, got, err)
			continue
		}
		for _, text := range got {
			re := regexp.MustCompile(text)
			for _, e := range list(test.examples) {
				if !re.MatchString(e) {
					t.Errorf("%s does not match %s", text, e)
				}
			}
			for _, c := range list(test.counters) {
				if re.MatchString(c) {
					t.Errorf("%s matches %s", text, c)
				}
			}
		}
		if all := strings.Join(got, " "); all != test.want {
			t.Errorf("%s without %s: %s, want %s", test.examples, test.counters, all, test.want)
		}
	}
}

func TestRegexFromExamplesRefuses(t *testing.T) {
	for _, test := range []struct {
		examples, counters []string
		want               error
	}{
		{nil, nil, policy.ErrNoExamples},
		{[]string{""}, nil, policy.ErrNoExamples},
		{[]string{strings.Repeat("1", 65)}, nil, policy.ErrNoExamples},
		{[]string{"è"}, nil, policy.ErrNoExamples},
		{[]string{"1"}, []string{"1"}, policy.ErrSameExamples},
		{[]string{"1"}, make([]string, 101), policy.ErrNoExamples},
	} {
		if got, err := policy.RegexFromExamples(test.examples, test.counters); !errors.Is(err, test.want) {
			t.Errorf("%q: %q, %v", test.examples, got, err)
		}
	}
}

func FuzzRegexFromExamples(f *testing.F) {
	f.Add("0401 0402", "065", false)
	f.Add("*21# a-b ]", "^ \\", true)
	f.Fuzz(func(t *testing.T, examples, counters string, turn bool) {
		some, others := strings.Fields(examples), strings.Fields(counters)
		got, err := policy.RegexFromExamples(some, others)
		if err != nil {
			return
		}
		if turn {
			slices.Reverse(some)
		}
		again, err := policy.RegexFromExamples(some, others)
		if err != nil || !slices.Equal(got, again) || len(got) == 0 || len(got) > 3 {
			t.Fatalf("%q, then %q, %v", got, again, err)
		}
		for _, text := range got {
			re := regexp.MustCompile(text)
			for _, e := range some {
				if !re.MatchString(e) {
					t.Errorf("%s does not match %s", text, e)
				}
			}
			for _, c := range others {
				if re.MatchString(c) {
					t.Errorf("%s matches %s", text, c)
				}
			}
		}
	})
}
