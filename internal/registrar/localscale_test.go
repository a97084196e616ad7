package registrar_test

import (
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
	"tollgate/internal/transport"
)

// arrive registers a phone at the node by one message, without waiting for anything.
func (r *rig) arrive(f transport.Flow) {
	user, at := userOf(f), f.Remote.String()
	r.tapped = func(transport.Flow, []byte) bool { return true }
	r.receive(f, `REGISTER sip:acme.test SIP/2.0
Via: SIP/2.0/UDP `+at+`;branch=z9hG4bK`+user+`;rport
Max-Forwards: 70
From: "A phone of a desk" <sip:`+user+`@acme.test>;tag=`+user+`
To: <sip:`+user+`@acme.test>
Call-ID: 5fb2c3d4e5f6@`+at+`
CSeq: 1 REGISTER
Contact: <sip:`+user+`@`+at+`;transport=udp;line=sr5fbb>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-0000`+user+`ab>"
User-Agent: Deskphone T46G 28.83.0.130
Expires: 7200
Content-Length: 0
`)
	r.tapped = nil
}

// crowd is a rig whose customer has so many SIP users, as arrive registers them.
func (r *rig) crowd(users int) {
	r.change(func(a *tenant.Account) {
		a.Customer.Registration = "local"
		for i := range users {
			a.SIPUsers = append(a.SIPUsers, tenant.SIPUser{ID: tenant.SIPUserID(i + 1), Customer: 1, Username: userOf(nth(i))})
		}
	})
}

// TestHereThousands: what a node needs for each phone that registers at it, and that a restart
// brings all of them back.
func TestHereThousands(t *testing.T) {
	const phones = 50_000
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, false)
		r.crowd(phones + 2000)
		r.layer.Run()
		defer r.layer.Close()
		r.journal.off = true
		for i := range 2000 { // what the layer keeps for so many at once is not counted
			r.arrive(nth(phones + i))
		}
		r.wait(40 * time.Second)
		before := heap()
		for i := range phones {
			r.arrive(nth(i))
			if i%2000 == 1999 {
				r.wait(40 * time.Second)
			}
		}
		r.wait(40 * time.Second)
		each := (heap() - before) / phones
		t.Logf("%d bytes for each binding", each)
		if each > 700 || r.reg.Len() != phones+2000 {
			t.Errorf("%d bytes for each of %d bindings, want 700 at most", each, r.reg.Len())
		}
		r.journal.off = false
		if err := r.reg.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		layer, next := r.restart(r.minter)
		if next.Len() != phones+2000 {
			t.Errorf("%d are back", next.Len())
		}
		layer.Run()
		layer.Close()
	})
}

// TestHereAllocatesNothing: look-ups, and a refresh.
func TestHereAllocatesNothing(t *testing.T) {
	r := newRig(t, false)
	r.crowd(2)
	r.journal.off = true
	r.arrive(nth(1))
	room := make([]registrar.Contact, 0, 8)
	if n := testing.AllocsPerRun(2000, func() { room = r.reg.ByUser(room[:0], 1, 2) }); n != 0 || len(room) != 1 {
		t.Errorf("%v allocations, found %+v", n, room)
	}
	refresh := r.refresherHere(nth(1))
	refresh()
	if n := testing.AllocsPerRun(2000, refresh); n != 0 {
		t.Errorf("%v allocations for a refresh", n)
	}
}
