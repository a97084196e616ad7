package cdr

import (
	"net/netip"
	"reflect"
	"testing"

	"tollgate/internal/media"
	"tollgate/internal/store"
)

// bridged is the n-th call, whose media was bridged.
func bridged(n int) *Record {
	r := record(n)
	r.OneWay = true
	r.Media = []media.Figures{
		{
			Stream: 0, Side: "caller", Sound: "heard", Sends: true, Codec: "PCMA", Suite: "AEAD_AES_256_GCM",
			Source: netip.MustParseAddrPort("192.0.2.1:4000"), Latched: true, Kernel: true,
			Packets: 180000, Octets: 30960000, Lost: 1234, LossPercent: 0.68, Jitter: 1.25, JitterMax: 17.3, Reordered: 5, Duplicates: 6,
			Gap: 1200.5, RTT: 31.07, MOS: media.Opinion{Min: 3.11, Average: 4.29, Max: 4.41}, Skew: -42, DTMF: 4, Refused: 7, BadTags: 8, Replays: 9,
		},
		{Stream: 0, Side: "callee", Sound: "never", Sends: true},
		{Stream: 7, Side: "caller", Sound: "stopped", Source: netip.MustParseAddrPort("[2001:db8::1]:65535")},
		{Stream: 7, Side: "callee", Sound: "comfort_noise"},
	}
	return r
}

func TestMedia(t *testing.T) {
	r := bridged(1)
	got, err := decode(&store.CDR{ID: r.ID, Record: r.append(nil)})
	if err != nil || !got.OneWay || !reflect.DeepEqual(got.Media, r.Media) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got.Media, r.Media)
	}
	plain, err := decode(&store.CDR{ID: r.ID, Record: record(1).append(nil)})
	if err != nil {
		t.Fatal(err)
	}
	got.Media, got.OneWay = nil, false
	if !reflect.DeepEqual(got, plain) {
		t.Errorf("but for its media it is\n%+v\nand not\n%+v", got, plain)
	}
}

// TestMediaTold: calls that are not bridged pay nothing, and calls without media say nothing of it.
func TestMediaTold(t *testing.T) {
	if data := record(1).append(nil); data[store.CDRHead+1]&flagMedia != 0 {
		t.Error("a call that is not bridged says that it has media")
	}
	for name, c := range map[string]struct {
		change func(*Record)
		tells  bool
	}{
		"answered":                     {func(r *Record) { r.Media[0].Packets = 0 }, true},
		"not answered":                 {func(r *Record) { r.Answered, r.Media = false, r.Media[1:] }, false},
		"early media":                  {func(r *Record) { r.Answered = false }, true},
		"not answered, strangers came": {func(r *Record) { r.Answered, r.Media[0].Packets = false, 0 }, true},
	} {
		r := bridged(1)
		c.change(r)
		got, err := decode(&store.CDR{ID: r.ID, Record: r.append(nil)})
		if err != nil || (len(got.Media) > 0) != c.tells {
			t.Errorf("%s: %v, %+v", name, err, got.Media)
		}
	}
}

// TestMediaBounds: no more streams are kept than a call has.
func TestMediaBounds(t *testing.T) {
	r := bridged(1)
	for len(r.Media) < 40 {
		r.Media = append(r.Media, r.Media[0])
	}
	got, err := decode(&store.CDR{ID: r.ID, Record: r.append(nil)})
	if err != nil || len(got.Media) != mostFigures {
		t.Errorf("%v, %d", err, len(got.Media))
	}
}

func TestMediaTorn(t *testing.T) {
	whole := bridged(1).append(nil)
	for n := range whole {
		if c, err := decode(&store.CDR{Record: whole[:n]}); err == nil {
			t.Fatalf("%d of %d bytes are %+v", n, len(whole), c)
		}
	}
	if _, err := decode(&store.CDR{Record: append(whole, 0)}); err == nil {
		t.Error("a byte behind it is taken")
	}
}

// mediaLayout is bridged(1) as the third layout had it, without names.
const mediaLayout = "" +
	"0000000000000002000000000000000300066517ff3efa87030f00c800000000070987ad4b80c8ceb40d04c000020113c41020010db8000000000000" +
	"00000000000113c50461636d6503706278026f6b0375647003746c730477616c6c0a637573746f6d65722033083130206f662031300a63616c6c4070" +
	"686f6e65036661721a22416c69636522203c7369703a616c69636540782e746573743e103c7369703a626f6240792e746573743e177369703a2b3339" +
	"30343031323334353640792e7465737401040047a0fe0a80d3e10ed209050604070809447dc20df2a907a318b702ad03b9035304c00002010fa00450" +
	"434d4110414541445f4145535f3235365f47434d01010000000000000000000000000000000000000000000ec0000000000000000000000000000000" +
	"0000001020010db8000000000000000000000001ffff00000f80000000000000000000000000000000000000000000"
