package dialog_test

import (
	"strings"
	"testing"

	"tollgate/internal/dialog"
	"tollgate/sip"
)

func TestIDRoundTrip(t *testing.T) {
	for _, id := range []dialog.ID{
		{},
		{Shard: 255, Slot: 0xffffff, Stable: dialog.Stable{255, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255}, Part: dialog.ToCallee, Fork: 15},
		{Shard: 7, Slot: 70_000, Stable: dialog.NewStable(), Part: dialog.ToCaller, Fork: 3},
	} {
		token := minter.Append(nil, id)
		if len(token) != dialog.IDLen {
			t.Fatalf("%q: %d characters, want %d", token, len(token), dialog.IDLen)
		}
		id.Node, id.Epoch = 1, 2
		for _, text := range []string{string(token), strings.ToUpper(string(token))} {
			if got, ok := minter.Parse([]byte(text)); !ok || got != id {
				t.Errorf("%+v comes back as %+v, %v", id, got, ok)
			}
			if got, ok := minter.Of([]byte("sip:" + text + "@[2001:db8::1]:5061;transport=tls")); !ok || got != id {
				t.Errorf("in a URI: %+v, %v", got, ok)
			}
		}
		if shard := minter.Shard(token); shard != id.Shard {
			t.Errorf("shard %d", shard)
		}
	}
}

func TestIDForged(t *testing.T) {
	for i := range ourID {
		for _, c := range []byte("0gv~@") {
			forged := append([]byte(nil), ourID...)
			if forged[i] == c {
				continue
			}
			forged[i] = c
			if id, ok := minter.Parse(forged); ok {
				t.Fatalf("%s passes as %+v", forged, id)
			}
		}
	}
	for _, s := range []string{"", "0", string(ourID[1:]), string(ourID) + "0", string(ourID[:47])} {
		if _, ok := minter.Parse([]byte(s)); ok {
			t.Errorf("%q passes", s)
		}
	}
	for _, uri := range []string{"", "sip:192.0.2.1", "tel:123", "sip:" + string(ourID), "sip:" + string(ourID) + "0@us"} {
		if _, ok := minter.Of([]byte(uri)); ok {
			t.Errorf("%q passes", uri)
		}
	}
}

// TestKeysRotate: a node with the new key reads what was written with the old one, and
// a node without the old one does not.
func TestKeysRotate(t *testing.T) {
	old := dialog.Key{ID: 3, K0: 4, K1: 5}
	fresh := dialog.Key{ID: 4, K0: 6, K1: 7}
	root := dialog.Key{K0: 6, K1: 7}
	both := dialog.NewMinter(9, 1, root, fresh, old)
	if id, ok := both.Parse(ourID); !ok || id.Node != 1 {
		t.Errorf("%+v, %v", id, ok)
	}
	token := both.Append(nil, dialog.ID{Slot: 1})
	if _, ok := minter.Parse(token); ok {
		t.Error("a key that is not known passes")
	}
	if _, ok := dialog.NewMinter(1, 2, root, dialog.Key{ID: 3, K0: 40, K1: 50}).Parse(ourID); ok {
		t.Error("another key of the same number passes")
	}
}

func FuzzID(f *testing.F) {
	f.Add(ourID)
	f.Fuzz(func(t *testing.T, token []byte) {
		id, ok := minter.Parse(token)
		if ok && !sip.EqualFold(minter.Append(nil, id), token) {
			t.Fatalf("%q is taken for %+v", token, id)
		}
	})
}

func TestNewStable(t *testing.T) {
	seen := map[dialog.Stable]bool{}
	for range 1000 {
		s := dialog.NewStable()
		if seen[s] {
			t.Fatal("twice the same")
		}
		seen[s] = true
	}
}

// TestTokenIsStable: a binding's token is the same on each node and after each
// start, and so is a Call-ID's shard.
func TestTokenIsStable(t *testing.T) {
	key, root := dialog.Key{ID: 3, K0: 4, K1: 5}, dialog.Key{K0: 6, K1: 7}
	other := dialog.NewMinter(7, 99, root, key)
	binding := minter.Derive([]byte("1001@acme.test"))
	if binding != other.Derive([]byte("1001@acme.test")) {
		t.Error("another node derives another id")
	}
	token := minter.AppendToken(nil, binding, 3)
	if string(token) != string(other.AppendToken(nil, binding, 3)) {
		t.Error("another node writes another token")
	}
	if id, ok := other.Parse(token); !ok || id.Part != dialog.ToPhone || id.Stable != binding {
		t.Errorf("%+v, %v", id, ok)
	}
	if minter.Shard([]byte("abc")) != other.Shard([]byte("abc")) {
		t.Error("another node finds another shard")
	}
}
