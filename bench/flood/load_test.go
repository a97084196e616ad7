package flood

import (
	"testing"
	"time"
)

func TestNormal(t *testing.T) {
	for _, c := range []struct {
		name        string
		begun, late []int
		want        time.Duration
	}{
		{"nobody asked again", []int{500, 500}, nil, 0},
		{"one of a hundred", []int{500, 500}, []int{5, 5}, 0},
		{"one of few", []int{10, 10}, []int{1, 1}, 0},
		{"at first", []int{500, 500, 500}, []int{200, 6, 5}, 2 * time.Second},
		{"to the end", []int{500, 500}, []int{0, 6}, 2 * time.Second},
	} {
		r := Result{Begun: c.begun, Late: c.late}
		if got := r.Normal(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
