package dialog

import (
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Side is one of the two parties of a call.
type Side uint8

// The sides.
const (
	Caller Side = iota
	Callee
)

// Other is the opposite side.
func (s Side) Other() Side { return 1 - s }

// String names a side in logs.
func (s Side) String() string {
	if s == Caller {
		return "caller"
	}
	return "callee"
}

// Leg is the dialog with one party, in that party's view. When nothing is
// hidden the two legs share their texts: what is Remote for one is Local for the
// other.
type Leg struct {
	CallID   Text
	Tag      Text // the party's
	LocalTag Text // ours towards it
	Remote   Text // the party's From or To value, without tag
	Local    Text // the other side's, as this party knows it
	Target   Text // the URI of its Contact
	Routes   Text // its route set, as a Route header's value
	Flow     transport.Flow
	// Outside: a phone or stranger. What it says of its own address is not believed
	// where it speaks from another one (far-end NAT, or malice).
	Outside bool
	Forced  bool   // it is sent to where it speaks from, whatever it says (mission row A9)
	Binding Stable // of the phone that it is, if that has registered
	// Seen marks where the binding led when Flow was learnt: what differs is newer.
	Seen uint32
}

// Seq counts the requests that one party has sent through us, to number them for
// the other: requests of our own stand between them there (RFC 3261 12.2.1.1).
type Seq struct {
	Last      uint32 // the highest CSeq of the sender
	Shift     uint32 // how many of our own the receiver has got
	InviteIn  uint32 // the sender's last INVITE, as he numbered it
	InviteOut uint32 // and as the receiver knows it
}

// Pass numbers a request of the sender for the receiver.
func (s *Seq) Pass(m *sip.Message) uint32 {
	n := m.CSeq()
	if m.Method() == sip.ACK {
		return s.Invite(n) // RFC 3261 13.2.2.4: an ACK has its INVITE's number
	}
	s.Last = max(s.Last, n)
	if m.Method() == sip.INVITE {
		s.InviteIn, s.InviteOut = n, n+s.Shift
	}
	return n + s.Shift
}

// Invite translates the number of an INVITE that an ACK or RAck names.
func (s *Seq) Invite(n uint32) uint32 {
	if n == s.InviteIn {
		return s.InviteOut
	}
	return n + s.Shift
}

// Own numbers a request of our own to the receiver.
func (s *Seq) Own() uint32 {
	s.Shift++
	return s.Last + s.Shift
}

// Dialog joins the caller's leg with one callee: one for each To-tag, since a
// forking proxy behind us can bring several (RFC 3261 12.1.2).
type Dialog struct {
	Callee    Leg
	CallerTag Text   // our To-tag towards the caller: Leg.LocalTag of the caller's leg in this dialog
	Seq       [2]Seq // by sender
	Way       uint8  // which of the phones that rang at once
	Confirmed bool
	Acked     bool
}

// RouteSetOfRequest writes the route set that a dialog-making request gives its
// UAS (RFC 3261 12.1.1): Record-Route in order, as a Route value.
func RouteSetOfRequest(dst []byte, m *sip.Message) []byte {
	it := m.Elements(sip.HdrRecordRoute)
	for {
		elem, ok := it.Next()
		if !ok {
			return dst
		}
		if len(dst) > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, elem...)
	}
}

// RouteSetOfResponse writes the route set that a response gives its UAC
// (RFC 3261 12.1.2): Record-Route reversed, without what we, as the call id, and
// those before us have put there. Entries of ours with another id stay: the call
// has come through us again further on. A zero id is any.
func (m *Minter) RouteSetOfResponse(dst []byte, r *sip.Message, id Stable) []byte {
	const most = 16
	var list [most][]byte
	n := 0
	it := r.Elements(sip.HdrRecordRoute)
	for n < most {
		elem, ok := it.Next()
		if !ok || m.wrote(elem, id) {
			break
		}
		list[n] = elem
		n++
	}
	for i := n - 1; i >= 0; i-- {
		if i < n-1 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, list[i]...)
	}
	return dst
}

// wrote says that a Route or Record-Route element is ours, of the call id unless
// that is zero.
func (m *Minter) wrote(elem []byte, id Stable) bool {
	na, err := sip.ParseNameAddr(elem)
	if err != nil {
		return false
	}
	got, ok := m.Of(na.URI)
	return ok && (id == Stable{} || got.Stable == id)
}

// ContactURI gives the URI of the first Contact, nil if there is none.
func ContactURI(m *sip.Message) []byte {
	it := m.Elements(sip.HdrContact)
	elem, ok := it.Next()
	if !ok {
		return nil
	}
	na, err := sip.ParseNameAddr(elem)
	if err != nil {
		return nil
	}
	return na.URI
}
