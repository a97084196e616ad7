package dialog

import (
	"net/netip"
	"strconv"

	"tollgate/internal/auth"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Address is how we show ourselves on a flow.
type Address struct {
	Proto transport.Proto
	Host  string // name or IP; an IPv6 address in brackets
	Port  uint16
}

// AppendURI appends our URI with an identifier as its user.
func (a Address) AppendURI(e *sip.Edit, id []byte) {
	e.String("sip:").Bytes(id).Byte('@').String(a.Host).Byte(':').Uint(uint64(a.Port))
	if a.Proto != transport.UDP {
		e.String(";transport=").String(a.Proto.String())
	}
}

// Append appends our URI with an identifier as its user.
func (a Address) Append(dst, id []byte) []byte {
	dst = append(append(append(dst, "sip:"...), id...), '@')
	dst = strconv.AppendUint(append(append(dst, a.Host...), ':'), uint64(a.Port), 10)
	if a.Proto != transport.UDP {
		dst = append(append(dst, ";transport="...), a.Proto.String()...)
	}
	return dst
}

// Forward is what changes in a request on its way through us. One value serves
// both modes; what a mode does not use is ignored.
type Forward struct {
	Message *sip.Message
	Hide    *Hiding // nil: plain
	Source  netip.AddrPort
	Out     Address // for Via
	Branch  []byte
	// Record-Route entries in the order they shall stand, the receiver's side first.
	RecordRoute [2]Address
	Records     int
	ID          []byte // our user in Record-Route (plain) and Contact (hidden)
	Target      []byte // the new Request-URI; nil keeps it
	Routes      []byte // the Route value; nil: none
	CSeq        uint32
	RAck        uint32 // the INVITE's number that a RAck shall name; 0 keeps it
	CallID      []byte // hidden: these five replace the sender's
	From        []byte // with FromTag also plain, unless nil: a rewritten number
	FromTag     []byte
	To          []byte // likewise
	ToTag       []byte
	Names       []Rename              // of dialogs that the request names
	Foreign     bool                  // the receiver asks us who we are: the sender's credentials are not for him
	Authorize   []byte                // header lines with our own
	Realm       string                // that we ask for passwords in: an answer to that is for nobody else; "" = none
	Changes     [3][]sip.HeaderChange // of headers, list after list, on top of all the rest
}

// Write appends the request as the receiver gets it to dst.
func (f *Forward) Write(e *sip.Edit, dst []byte) ([]byte, error) {
	f.Edit(e)
	return e.Write(dst)
}

// Edit is Write for who has more to change before he writes: headers that Changes name none of.
func (f *Forward) Edit(e *sip.Edit) {
	f.edit(e)
	e.Change(f.Changes[:])
}

func (f *Forward) edit(e *sip.Edit) {
	m := f.Message
	e.Reset(m)
	if f.Target != nil && string(f.Target) != string(m.RequestURI()) {
		e.At(m.SpanOf(m.RequestURI())).Bytes(f.Target)
	}
	f.via(e)
	f.maxForwards(e)
	if n := m.CSeqNumber(); f.CSeq != m.CSeq() {
		e.At(n).Uint(uint64(f.CSeq))
	}
	if f.RAck != 0 {
		rewriteRAck(e, m, f.RAck)
	}
	rename(e, f.Names)
	f.credentials(e)
	if f.Hide != nil {
		f.identities(e)
		f.Hide.renamed = f.Names
		f.Hide.headers(e, m, f.Out, f.ID)
		return
	}
	if f.From != nil {
		replaceAddress(e, m, sip.HdrFrom, f.From, f.FromTag)
	}
	if f.To != nil {
		replaceAddress(e, m, sip.HdrTo, f.To, f.ToTag)
	}
	for i := range m.FieldCount() {
		if field := m.Field(i); field.ID == sip.HdrRoute {
			e.Delete(field.Line)
		}
	}
}

// credentials leaves out the sender's that were meant for us, and replaces all of them by ours
// where the receiver asks for those.
func (f *Forward) credentials(e *sip.Edit) {
	if !f.Foreign && f.Realm == "" {
		return
	}
	m := f.Message
	for i := range m.FieldCount() {
		field := m.Field(i)
		if field.ID != sip.HdrAuthorization && field.ID != sip.HdrProxyAuthorization {
			continue
		}
		if f.Foreign || auth.For(m.Slice(field.Value), f.Realm) {
			e.Delete(field.Line)
		}
	}
	if len(f.Authorize) > 0 {
		e.Insert(m.HeadersEnd()).Bytes(f.Authorize)
	}
}

// via puts our Via on top, and our Record-Route where there is any. Plain: the
// sender's Via says where it came from (RFC 3261 18.2.1, RFC 3581). Hidden: the
// Vias are the sender's secret. All of it stands before the first header, since a
// sender may write his Record-Route above his Via, and ours has to come before that.
func (f *Forward) via(e *sip.Edit) {
	m := f.Message
	e.Insert(m.Field(0).Line.Off).String("Via: SIP/2.0/").String(f.Out.Proto.Via()).Byte(' ').
		String(f.Out.Host).Byte(':').Uint(uint64(f.Out.Port)).
		String(";branch=").Bytes(f.Branch).String(";rport\r\n")
	if len(f.Routes) > 0 {
		e.String("Route: ").Bytes(f.Routes).String("\r\n")
	}
	for _, a := range f.RecordRoute[:f.Records] {
		e.String("Record-Route: <")
		a.AppendURI(e, f.ID)
		e.String(";lr>\r\n")
	}
	if f.Hide == nil {
		markSource(e, m, f.Source)
	}
}

// markSource writes received and rport into the sender's Via, in place.
func markSource(e *sip.Edit, m *sip.Message, src netip.AddrPort) {
	via := m.TopVia()
	var room [256]byte
	marked := sip.AppendVia(room[:0], via.Elem, via, src)
	if string(marked) != string(via.Elem) {
		e.At(m.SpanOf(via.Elem)).Bytes(marked)
	}
}

func (f *Forward) maxForwards(e *sip.Edit) {
	m := f.Message
	field := m.First(sip.HdrMaxForwards)
	if field == nil {
		e.Insert(m.HeadersEnd()).String("Max-Forwards: 70\r\n")
		return
	}
	e.At(field.Value).Uint(uint64(max(m.MaxForwards()-1, 0)))
}

// identities replaces what names the dialog on the sender's side.
func (f *Forward) identities(e *sip.Edit) {
	m := f.Message
	replaceAddress(e, m, sip.HdrFrom, f.From, f.FromTag)
	replaceAddress(e, m, sip.HdrTo, f.To, f.ToTag)
	if field := m.First(sip.HdrCallID); field != nil {
		e.At(field.Value).Bytes(f.CallID)
	}
}

// replaceAddress writes a From or To anew, without parameters other than the tag.
func replaceAddress(e *sip.Edit, m *sip.Message, id sip.HeaderID, value, tag []byte) {
	field := m.First(id)
	if field == nil {
		return
	}
	e.At(field.Value).Bytes(value)
	if len(tag) > 0 {
		e.String(";tag=").Bytes(tag)
	}
}

// rewriteRAck changes the CSeq number in a RAck (RFC 3262 7.2: response-num,
// CSeq-num, method).
func rewriteRAck(e *sip.Edit, m *sip.Message, n uint32) {
	value := m.Value(sip.HdrRAck)
	i := 0
	for i < len(value) && value[i] > ' ' {
		i++
	}
	for i < len(value) && value[i] <= ' ' {
		i++
	}
	start := i
	for i < len(value) && value[i] >= '0' && value[i] <= '9' {
		i++
	}
	if i > start {
		e.At(m.SpanOf(value[start:i])).Uint(uint64(n))
	}
}

// RAckNumber reads the INVITE's number from a RAck, false if there is none.
func RAckNumber(m *sip.Message) (uint32, bool) {
	value := m.Value(sip.HdrRAck)
	i := 0
	for i < len(value) && value[i] > ' ' {
		i++
	}
	for i < len(value) && value[i] <= ' ' {
		i++
	}
	start := i
	for i < len(value) && value[i] > ' ' {
		i++
	}
	return sip.ParseUint(value[start:i])
}
