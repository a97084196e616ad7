package login_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/login"
)

func TestHasher(t *testing.T) {
	h := login.NewHasher()
	hash, err := h.Hash(t.Context(), "Correct-Horse-1")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,") {
		t.Fatalf("%s, %v", hash, err)
	}
	for _, c := range []struct {
		hash, password string
		want           bool
	}{{hash, "Correct-Horse-1", true}, {hash, "correct-horse-1", false}, {hash, "", false}, {"", "", false}, {"", "Correct-Horse-1", false}} {
		if is, err := h.Holds(t.Context(), c.hash, c.password); is != c.want || err != nil {
			t.Errorf("%.10q holds %q: %t, %v", c.hash, c.password, is, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(gone, "x"); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func TestSecondFactor(t *testing.T) {
	f, e, err := login.NewSecondFactor("noc@platform.example")
	if err != nil || !strings.HasPrefix(e.URI, "otpauth://totp/Tollgate:noc@platform.example?") || !strings.HasPrefix(e.QR, "data:image/png;base64,") {
		t.Fatalf("%+v, %v", e, err)
	}
	now := time.Unix(1_800_000_000, 0)
	code := func(at time.Time) string {
		c, err := login.Code(f.Secret, at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if _, ok := f.Confirm("000000x", now); ok {
		t.Error("confirmed by a wrong code")
	}
	codes, ok := f.Confirm(code(now), now)
	if !ok || len(codes) != 10 {
		t.Fatalf("%d recovery codes, %t", len(codes), ok)
	}
	if strings.Contains(strings.Join(f.Recovery, " "), strings.ReplaceAll(codes[0], "-", "")) {
		t.Error("recovery codes are kept in clear")
	}
	for _, c := range []struct {
		what, code string
		at         time.Time
		want       bool
	}{
		{"the code that confirmed", code(now), now, false},
		{"an old one", code(now.Add(-time.Minute)), now, false},
		{"the next, early", code(now.Add(30 * time.Second)), now, true},
		{"the same again", code(now.Add(30 * time.Second)), now.Add(30 * time.Second), false},
		{"one that is not due", code(now.Add(5 * time.Minute)), now, false},
		{"nothing", "", now, false},
		{"a recovery code", strings.ToUpper(codes[3]), now, true},
		{"it again", codes[3], now, false},
		{"another", strings.ReplaceAll(codes[4], "-", " "), now, true},
		{"half of one", codes[5][:9], now, false},
	} {
		if got := f.Take(c.code, c.at); got != c.want {
			t.Errorf("%s: %t", c.what, got)
		}
	}
	if len(f.Recovery) != 8 {
		t.Errorf("%d are left", len(f.Recovery))
	}
}

func TestEnds(t *testing.T) {
	began := time.Unix(0, 0)
	for used, want := range map[time.Duration]time.Duration{
		0: 10 * time.Minute, time.Hour: 70 * time.Minute, 11*time.Hour + 55*time.Minute: 12 * time.Hour,
	} {
		if got := login.Ends(began, began.Add(used)).Sub(began); got != want {
			t.Errorf("used after %s: ends after %s, want %s", used, got, want)
		}
	}
}

// TestThrottle: who guesses waits longer and longer; who knows the password does not wait for him.
func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := login.NewThrottle(nil)
		tries := 0
		for end := time.Now().Add(time.Hour); time.Now().Before(end); {
			wait := th.Begin("192.0.2.1", "anna", false)
			if wait == 0 {
				tries++
				continue
			}
			time.Sleep(wait)
		}
		if tries < 5 || tries > 20 {
			t.Errorf("%d tries in an hour from one address", tries)
		}
		if wait := th.Begin("198.51.100.7", "anna", true); wait != 0 {
			t.Errorf("anna waits %s for somebody else's guesses", wait)
		}
		th.Succeeded("198.51.100.7", "anna", true)
		if wait := th.Begin("192.0.2.1", "bruno", false); wait != 0 {
			t.Errorf("another name waits %s after 1 address's few tries", wait)
		}
	})
}

// TestThrottleManyAddresses: a name that is guessed from everywhere slows strangers, and never those
// who are familiar.
func TestThrottleManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := login.NewThrottle(nil)
		let := 0
		for i := range 1000 {
			if th.Begin("10.0."+strconv.Itoa(i/250)+"."+strconv.Itoa(i%250), "anna", false) == 0 {
				let++
			}
		}
		if let > 30 {
			t.Errorf("%d guesses at once from many addresses", let)
		}
		if wait := th.Begin("203.0.113.9", "anna", false); wait <= 0 || wait > 30*time.Second {
			t.Errorf("a stranger waits %s", wait)
		}
		if wait := th.Begin("203.0.113.9", "anna", true); wait != 0 {
			t.Errorf("a familiar address waits %s", wait)
		}
		spray := 0
		for i := range 1000 {
			if th.Begin("2001:db8::"+strconv.Itoa(i), "user"+strconv.Itoa(i), false) == 0 {
				spray++
			}
		}
		if spray > 20 {
			t.Errorf("%d names tried at once from one /64", spray)
		}
	})
}

// FuzzTake: no code, however long or odd, is right or breaks anything.
func FuzzTake(f *testing.F) {
	for _, s := range []string{"", "123456", "aaaa-bbbb-cccc-dddd", "\x00", strings.Repeat("9", 1000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, code string) {
		v := login.SecondFactor{Secret: "JBSWY3DPEHPK3PXP", Confirmed: true, Last: 1 << 40}
		if v.Take(code, time.Unix(1_800_000_000, 0)) {
			t.Errorf("%q was taken", code)
		}
	})
}
