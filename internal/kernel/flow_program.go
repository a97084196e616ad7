package kernel

import (
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// Where struct __sk_buff has what the program asks for, beside protocolField.
const (
	lengthField    = 0
	typeField      = 4 // 0 (PACKET_HOST): the frame is for this machine
	vlanField      = 20
	interfaceField = 40
	dataField      = 76
	dataEndField   = 80
	gsoField       = 176
)

// What the kernel's helpers are told.
const (
	// The checksum covers a pseudo-header with the addresses (BPF_F_PSEUDO_HDR); so it is
	// changed too where a network card will finish it, which the ports are not.
	csumPseudo = 0x10
	csumUDP    = 0x20 // 0 stays 0: no checksum (BPF_F_MARK_MANGLED_0)
	csumIPv6   = 0x80 // BPF_F_IPV6: the header of IP has no checksum that makes up for it
	storeHash  = 0x02 // what was computed of the old ports is void (BPF_F_INVALIDATE_HASH)
)

const (
	ethernet  = 14 // bytes before the header of IP
	udpHeader = 8
	rtpHeader = 12 // without contributing sources and extension, RFC 3550 5.1

	anyFragment = 0x3fff // more fragments, or an offset (RFC 791 3.1)
	second      = 1_000_000_000

	// A sequence number so far ahead or behind is a sender that began anew: RFC 3550 A.1.
	maxDropout  = 3000
	maxMisorder = 100
)

// The stack holds the header of IP up to and with the ports, as it is to leave, and the number
// of the interface that it leaves by.
const (
	leaving   = -64
	leavingBy = -8
)

// Where the value of a flow has what the program asks for.
const (
	valueRoute      = int16(unsafe.Offsetof(flowValue{}.Route))
	valueSSRC       = int16(unsafe.Offsetof(flowValue{}.SSRC))
	valuePayloads   = int16(unsafe.Offsetof(flowValue{}.Payloads))
	valueClock      = int16(unsafe.Offsetof(flowValue{}.Clock))
	valueHeader     = int16(unsafe.Offsetof(flowValue{}.Header))
	valueAddresses  = int16(unsafe.Offsetof(flowValue{}.Addresses))
	valuePorts      = int16(unsafe.Offsetof(flowValue{}.Ports))
	valueOnward     = int16(unsafe.Offsetof(flowValue{}.Onward))
	valuePackets    = int16(unsafe.Offsetof(flowValue{}.Packets))
	valueOctets     = int16(unsafe.Offsetof(flowValue{}.Octets))
	valueHighest    = int16(unsafe.Offsetof(flowValue{}.Highest))
	valueWindow     = int16(unsafe.Offsetof(flowValue{}.Window))
	valueReordered  = int16(unsafe.Offsetof(flowValue{}.Reordered))
	valueDuplicates = int16(unsafe.Offsetof(flowValue{}.Duplicates))
	valueJitter     = int16(unsafe.Offsetof(flowValue{}.Jitter))
	valueTransit    = int16(unsafe.Offsetof(flowValue{}.Transit))
	valueTimestamp  = int16(unsafe.Offsetof(flowValue{}.Timestamp))
	valueArrival    = int16(unsafe.Offsetof(flowValue{}.Arrival))
	valueGap        = int16(unsafe.Offsetof(flowValue{}.Gap))
)

// flowFamily is how a packet of one family is read. From its source address to its ports it is
// a flow's key as it stands, and the same bytes are what forwarding replaces.
type flowFamily struct {
	label     string
	etherType uint16
	size      int16 // of the header of IP
	source    int16 // where the source address stands in it
	key       int16 // bytes from there to behind the ports
	flows     *ebpf.Map
	routes    *ebpf.Map
	dscp      uint8
}

// flowProgram forwards the packets of flows. Whatever is not surely the RTP of one passes, and so
// comes to a socket of the relay. In R6 is the packet, in R7 the flow, in R8 the packet's data,
// in R9 the size of the RTP packet.
//
// A flow's figures are written without a lock. The packets of one flow come one after another,
// by one queue of a network card and one processor; were two ever handled at once, a figure
// could miss one of them, but packets and octets, which are added atomically, could not.
func flowProgram(m *flowMaps, dscp uint8) asm.Instructions {
	families := []flowFamily{
		{label: "ipv4", etherType: 0x0800, size: 20, source: 12, key: keySize4, flows: m.flows4, routes: m.routes, dscp: dscp},
		{label: "ipv6", etherType: 0x86dd, size: 40, source: 8, key: keySize6, flows: m.flows6, routes: m.routes, dscp: dscp},
	}
	code := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1).WithSymbol("flows"),
		asm.LoadMem(asm.R2, asm.R6, protocolField, asm.Word),
	}
	for _, f := range families {
		code = append(code, asm.JEq.Imm(asm.R2, int32(networkOrder(f.etherType)), f.label))
	}
	code = append(code,
		asm.Mov.Imm(asm.R0, answerPass).WithSymbol("pass"),
		asm.Return(),
		asm.Mov.Imm(asm.R0, answerDrop).WithSymbol("drop"),
		asm.Return(),
	)
	for _, f := range families {
		for _, part := range []asm.Instructions{f.find(), f.check(), f.checkRTP(), f.way(), f.order(), f.times(), f.header(), f.forward()} {
			code = append(code, part...)
		}
	}
	return code
}

// find looks for the flow that a packet may belong to.
func (f *flowFamily) find() asm.Instructions {
	need := int32(ethernet + f.size + udpHeader + rtpHeader)
	in := func() asm.Instructions {
		return asm.Instructions{
			asm.LoadMem(asm.R8, asm.R6, dataField, asm.Word),
			asm.LoadMem(asm.R3, asm.R6, dataEndField, asm.Word),
			asm.Mov.Reg(asm.R1, asm.R8),
			asm.Add.Imm(asm.R1, need),
		}
	}
	code := in()
	code[0] = code[0].WithSymbol(f.label)
	code = append(code,
		asm.JLE.Reg(asm.R1, asm.R3, f.label+" long"),
		// Too short, or some of the headers are not where they can be read at once.
		asm.LoadMem(asm.R2, asm.R6, lengthField, asm.Word),
		asm.JLT.Imm(asm.R2, need, "pass"),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, need),
		asm.FnSkbPullData.Call(),
		asm.JNE.Imm(asm.R0, 0, "pass"),
	)
	code = append(code, in()...)
	code = append(code, asm.JGT.Reg(asm.R1, asm.R3, "pass"))
	upper := f.upper()
	upper[0] = upper[0].WithSymbol(f.label + " long")
	code = append(code, upper...)
	return append(code,
		asm.LoadMapPtr(asm.R1, f.flows.FD()),
		asm.Mov.Reg(asm.R2, asm.R8),
		asm.Add.Imm(asm.R2, int32(ethernet+f.source)),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.Mov.Reg(asm.R7, asm.R0),
	)
}

// upper lets pass what is not UDP right above IP: other protocols, options, extension headers,
// fragments.
func (f *flowFamily) upper() asm.Instructions {
	if f.size == 40 {
		return asm.Instructions{
			asm.LoadMem(asm.R1, asm.R8, ethernet+6, asm.Byte),
			asm.JNE.Imm(asm.R1, protocolUDP, "pass"),
			asm.LoadMem(asm.R1, asm.R8, ethernet, asm.Byte),
			asm.RSh.Imm(asm.R1, 4),
			asm.JNE.Imm(asm.R1, 6, "pass"),
		}
	}
	return asm.Instructions{
		asm.LoadMem(asm.R1, asm.R8, ethernet+9, asm.Byte),
		asm.JNE.Imm(asm.R1, protocolUDP, "pass"),
		asm.LoadMem(asm.R1, asm.R8, ethernet, asm.Byte),
		asm.JNE.Imm(asm.R1, 0x45, "pass"),
		asm.LoadMem(asm.R1, asm.R8, ethernet+6, asm.Half),
		asm.And.Imm(asm.R1, int32(networkOrder(anyFragment))),
		asm.JNE.Imm(asm.R1, 0, "pass"),
	}
}

// check lets pass what is not for this machine, what has a VLAN's tag (it comes again, without,
// by the VLAN's own interface), what the kernel has put together of several packets, and
// lengths that disagree.
func (f *flowFamily) check() asm.Instructions {
	code := asm.Instructions{
		asm.LoadMem(asm.R1, asm.R6, typeField, asm.Word),
		asm.JNE.Imm(asm.R1, 0, "pass"),
		asm.LoadMem(asm.R1, asm.R6, vlanField, asm.Word),
		asm.JNE.Imm(asm.R1, 0, "pass"),
		asm.LoadMem(asm.R1, asm.R6, gsoField, asm.Word),
		asm.JNE.Imm(asm.R1, 0, "pass"),
		asm.LoadMem(asm.R9, asm.R8, ethernet+f.size+4, asm.Half), // UDP's length
		asm.HostTo(asm.BE, asm.R9, asm.Half),
		asm.JLT.Imm(asm.R9, udpHeader+rtpHeader, "pass"),
	}
	if f.size == 40 {
		code = append(code, asm.LoadMem(asm.R1, asm.R8, ethernet+4, asm.Half), asm.HostTo(asm.BE, asm.R1, asm.Half))
	} else {
		code = append(code, asm.LoadMem(asm.R1, asm.R8, ethernet+2, asm.Half), asm.HostTo(asm.BE, asm.R1, asm.Half),
			asm.Sub.Imm(asm.R1, int32(f.size)))
	}
	return append(code,
		asm.JNE.Reg(asm.R1, asm.R9, "pass"),
		asm.Add.Imm(asm.R1, int32(ethernet+f.size)),
		asm.LoadMem(asm.R2, asm.R6, lengthField, asm.Word),
		asm.JGT.Reg(asm.R1, asm.R2, "pass"),
		asm.Sub.Imm(asm.R9, udpHeader),
	)
}

// rtp is where RTP has a field, from the packet's data on.
func (f *flowFamily) rtp(field int16) int16 { return ethernet + f.size + udpHeader + field }

// checkRTP lets pass what is not RTP of version 2 with a payload type and the SSRC of the flow.
func (f *flowFamily) checkRTP() asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R1, asm.R8, f.rtp(0), asm.Byte),
		asm.Mov.Reg(asm.R2, asm.R1),
		asm.RSh.Imm(asm.R2, 6),
		asm.JNE.Imm(asm.R2, 2, "pass"),
		asm.Mov.Reg(asm.R2, asm.R1),
		asm.And.Imm(asm.R2, 0x0f), // contributing sources, 4 bytes each
		asm.LSh.Imm(asm.R2, 2),
		asm.And.Imm(asm.R1, 0x10), // an extension, 4 bytes at least
		asm.RSh.Imm(asm.R1, 2),
		asm.Add.Reg(asm.R2, asm.R1),
		asm.Add.Imm(asm.R2, rtpHeader),
		asm.JGT.Reg(asm.R2, asm.R9, "pass"),

		asm.LoadMem(asm.R1, asm.R8, f.rtp(1), asm.Byte),
		asm.Mov.Reg(asm.R2, asm.R1),
		asm.And.Imm(asm.R2, 0x40),
		asm.RSh.Imm(asm.R2, 3), // 0 or 8: the half of the bitmap
		asm.Add.Reg(asm.R2, asm.R7),
		asm.LoadMem(asm.R2, asm.R2, valuePayloads, asm.DWord),
		asm.And.Imm(asm.R1, 0x3f),
		asm.RSh.Reg(asm.R2, asm.R1),
		asm.And.Imm(asm.R2, 1),
		asm.JEq.Imm(asm.R2, 0, "pass"),

		asm.LoadMem(asm.R1, asm.R8, f.rtp(8), asm.Word),
		asm.LoadMem(asm.R2, asm.R7, valueSSRC, asm.Word),
		asm.JNE.Reg(asm.R1, asm.R2, "pass"),
	}
}

// way finds the interface that the packet leaves by. It passes where there is none, where it
// takes no packet of this size, and where the packet has no hop left.
func (f *flowFamily) way() asm.Instructions {
	hops := ethernet + int16(8)
	if f.size == 40 {
		hops = ethernet + 7
	}
	return asm.Instructions{
		asm.LoadMapPtr(asm.R1, f.routes.FD()),
		asm.Mov.Reg(asm.R2, asm.R7),
		asm.Add.Imm(asm.R2, int32(valueRoute)),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.LoadMem(asm.R1, asm.R0, int16(unsafe.Offsetof(way{}.Interface)), asm.Word),
		asm.JEq.Imm(asm.R1, 0, "pass"),
		asm.LoadMem(asm.R2, asm.R0, int16(unsafe.Offsetof(way{}.Largest)), asm.Word),
		asm.Mov.Reg(asm.R3, asm.R9),
		asm.Add.Imm(asm.R3, int32(f.size+udpHeader)),
		asm.JGT.Reg(asm.R3, asm.R2, "pass"),
		asm.StoreMem(asm.RFP, leavingBy, asm.R1, asm.DWord),
		asm.JEq.Imm(asm.R1, loopback, f.label+" order"),
		asm.LoadMem(asm.R2, asm.R8, hops, asm.Byte),
		asm.JLE.Imm(asm.R2, 1, "pass"),
	}
}

// order counts what sequence numbers tell (RFC 3550 A.1). Of the last 64 numbers it knows which
// came, so that what comes twice is not taken for late. A sender that begins anew passes, until
// there is another flow for it. Time is in R0 from here on.
func (f *flowFamily) order() asm.Instructions {
	late, double, done := f.label+" late", f.label+" double", f.label+" ordered"
	return asm.Instructions{
		asm.FnKtimeGetNs.Call().WithSymbol(f.label + " order"),
		asm.LoadMem(asm.R1, asm.R8, f.rtp(2), asm.Half),
		asm.HostTo(asm.BE, asm.R1, asm.Half),
		asm.LoadMem(asm.R2, asm.R7, valueHighest, asm.DWord),
		asm.Sub.Reg(asm.R1, asm.R2),
		asm.LSh.Imm(asm.R1, 48), // the difference as a signed number of 16 bits
		asm.ArSh.Imm(asm.R1, 48),
		asm.JSGT.Imm(asm.R1, maxDropout-1, "pass"),
		asm.JSLT.Imm(asm.R1, -maxMisorder, "pass"),
		asm.LoadMem(asm.R3, asm.R7, valueWindow, asm.DWord),
		asm.Mov.Imm(asm.R4, 1),
		asm.JSLE.Imm(asm.R1, 0, late),

		asm.Add.Reg(asm.R2, asm.R1),
		asm.StoreMem(asm.R7, valueHighest, asm.R2, asm.DWord),
		asm.JSLT.Imm(asm.R1, 64, f.label+" near"),
		asm.Mov.Imm(asm.R3, 0),
		asm.Mov.Imm(asm.R1, 0),
		asm.LSh.Reg(asm.R3, asm.R1).WithSymbol(f.label + " near"),
		asm.Or.Imm(asm.R3, 1),
		asm.StoreMem(asm.R7, valueWindow, asm.R3, asm.DWord),
		asm.Ja.Label(done),

		asm.Neg.Imm(asm.R1, 0).WithSymbol(late),
		asm.JSGT.Imm(asm.R1, 63, f.label+" too late"),
		asm.LSh.Reg(asm.R4, asm.R1),
		asm.Mov.Reg(asm.R2, asm.R3),
		asm.And.Reg(asm.R2, asm.R4),
		asm.JNE.Imm(asm.R2, 0, double),
		asm.Or.Reg(asm.R3, asm.R4),
		asm.StoreMem(asm.R7, valueWindow, asm.R3, asm.DWord),
		asm.LoadMem(asm.R1, asm.R7, valueReordered, asm.DWord).WithSymbol(f.label + " too late"),
		asm.Add.Imm(asm.R1, 1),
		asm.StoreMem(asm.R7, valueReordered, asm.R1, asm.DWord),
		asm.Ja.Label(done),
		asm.LoadMem(asm.R1, asm.R7, valueDuplicates, asm.DWord).WithSymbol(double),
		asm.Add.Imm(asm.R1, 1),
		asm.StoreMem(asm.R7, valueDuplicates, asm.R1, asm.DWord),
	}
}

// times counts the packet and what its arrival tells: jitter (RFC 3550 A.8) and the longest gap.
func (f *flowFamily) times() asm.Instructions {
	first, calm := f.label+" first", f.label+" calm"
	return asm.Instructions{
		asm.Mov.Imm(asm.R1, 1).WithSymbol(f.label + " ordered"),
		asm.AddAtomic.Mem(asm.R7, asm.R1, asm.DWord, valuePackets),
		asm.Mov.Reg(asm.R1, asm.R9),
		asm.AddAtomic.Mem(asm.R7, asm.R1, asm.DWord, valueOctets),

		// The arrival in units of RTP: whole seconds apart from the rest, so that nothing overflows.
		asm.LoadMem(asm.R4, asm.R7, valueClock, asm.Word),
		asm.Mov.Reg(asm.R1, asm.R0),
		asm.Div.Imm(asm.R1, second),
		asm.Mov.Reg(asm.R2, asm.R1),
		asm.Mul.Imm(asm.R2, second),
		asm.Mov.Reg(asm.R3, asm.R0),
		asm.Sub.Reg(asm.R3, asm.R2),
		asm.Mul.Reg(asm.R1, asm.R4),
		asm.Mul.Reg(asm.R3, asm.R4),
		asm.Div.Imm(asm.R3, second),
		asm.Add.Reg(asm.R1, asm.R3),
		asm.LoadMem(asm.R2, asm.R8, f.rtp(4), asm.Word),
		asm.HostTo(asm.BE, asm.R2, asm.Word),
		asm.StoreMem(asm.R7, valueTimestamp, asm.R2, asm.DWord),
		asm.Sub.Reg(asm.R1, asm.R2),
		asm.LoadMem(asm.R2, asm.R7, valueTransit, asm.DWord),
		asm.StoreMem(asm.R7, valueTransit, asm.R1, asm.DWord),
		asm.LoadMem(asm.R5, asm.R7, valueArrival, asm.DWord),
		asm.StoreMem(asm.R7, valueArrival, asm.R0, asm.DWord),
		asm.JEq.Imm(asm.R5, 0, first),

		asm.Sub.Reg(asm.R0, asm.R5),
		asm.LoadMem(asm.R3, asm.R7, valueGap, asm.DWord),
		asm.JSLE.Reg(asm.R0, asm.R3, calm),
		asm.StoreMem(asm.R7, valueGap, asm.R0, asm.DWord),

		asm.Sub.Reg(asm.R1, asm.R2).WithSymbol(calm),
		asm.LSh.Imm(asm.R1, 32), // a signed number of 32 bits
		asm.ArSh.Imm(asm.R1, 32),
		asm.JSGE.Imm(asm.R1, 0, f.label+" later"),
		asm.Neg.Imm(asm.R1, 0),
		asm.LoadMem(asm.R2, asm.R7, valueJitter, asm.DWord).WithSymbol(f.label + " later"),
		asm.Add.Reg(asm.R1, asm.R2),
		asm.Add.Imm(asm.R2, 8),
		asm.RSh.Imm(asm.R2, 4),
		asm.Sub.Reg(asm.R1, asm.R2),
		asm.StoreMem(asm.R7, valueJitter, asm.R1, asm.DWord),
	}
}

// header writes the header of IP as it leaves, with the ports behind it. Towards other machines
// it has one hop less and our mark (RFC 2474); what stays here is not marked anew.
func (f *flowFamily) header() asm.Instructions {
	var code asm.Instructions
	for at := int16(0); at < f.source; at += 4 {
		code = append(code,
			asm.LoadMem(asm.R1, asm.R8, ethernet+at, asm.Word),
			asm.StoreMem(asm.RFP, leaving+at, asm.R1, asm.Word))
	}
	for at := int16(0); at < f.key; at += 4 {
		code = append(code,
			asm.LoadMem(asm.R1, asm.R7, valueOnward+at, asm.Word),
			asm.StoreMem(asm.RFP, leaving+f.source+at, asm.R1, asm.Word))
	}
	code[0] = code[0].WithSymbol(f.label + " first")
	code = append(code, asm.LoadMem(asm.R3, asm.RFP, leavingBy, asm.DWord))
	if f.size == 40 {
		return append(code, f.mark6()...)
	}
	return append(code, f.mark4()...)
}

// mark6 changes hop limit and traffic class, which stands across two bytes (RFC 8200 3).
func (f *flowFamily) mark6() asm.Instructions {
	return asm.Instructions{
		asm.JEq.Imm(asm.R3, loopback, f.label+" marked"),
		asm.LoadMem(asm.R1, asm.RFP, leaving+7, asm.Byte),
		asm.Sub.Imm(asm.R1, 1),
		asm.StoreMem(asm.RFP, leaving+7, asm.R1, asm.Byte),
		asm.LoadMem(asm.R1, asm.RFP, leaving, asm.Half),
		asm.And.Imm(asm.R1, int32(networkOrder(0xf03f))),
		asm.Or.Imm(asm.R1, int32(networkOrder(uint16(f.dscp)<<6))),
		asm.StoreMem(asm.RFP, leaving, asm.R1, asm.Half),
	}
}

// mark4 changes time to live and type of service, and the checksum by what changed: one that was
// wrong stays wrong (RFC 1624 3, equation 3). In R5 is the sum.
func (f *flowFamily) mark4() asm.Instructions {
	swap := func(at int16, change ...asm.Instruction) asm.Instructions {
		code := asm.Instructions{
			asm.LoadMem(asm.R1, asm.RFP, leaving+at, asm.Half),
			asm.Xor.Imm(asm.R1, 0xffff),
			asm.Add.Reg(asm.R5, asm.R1),
		}
		code = append(code, change...)
		return append(code, asm.LoadMem(asm.R1, asm.RFP, leaving+at, asm.Half), asm.Add.Reg(asm.R5, asm.R1))
	}
	code := asm.Instructions{
		asm.LoadMem(asm.R5, asm.RFP, leaving+10, asm.Half),
		asm.Xor.Imm(asm.R5, 0xffff),
		asm.LoadMem(asm.R1, asm.R7, valueHeader, asm.Word),
		asm.Add.Reg(asm.R5, asm.R1),
		asm.JEq.Imm(asm.R3, loopback, f.label+" sum"),
	}
	code = append(code, swap(0,
		asm.LoadMem(asm.R1, asm.RFP, leaving+1, asm.Byte),
		asm.And.Imm(asm.R1, 3),
		asm.Or.Imm(asm.R1, int32(f.dscp)<<2),
		asm.StoreMem(asm.RFP, leaving+1, asm.R1, asm.Byte))...)
	code = append(code, swap(8,
		asm.LoadMem(asm.R1, asm.RFP, leaving+8, asm.Byte),
		asm.Sub.Imm(asm.R1, 1),
		asm.StoreMem(asm.RFP, leaving+8, asm.R1, asm.Byte))...)
	fold := asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R5),
		asm.RSh.Imm(asm.R1, 16),
		asm.And.Imm(asm.R5, 0xffff),
		asm.Add.Reg(asm.R5, asm.R1),
	}
	code = append(code, asm.Instructions{fold[0].WithSymbol(f.label + " sum"), fold[1], fold[2], fold[3]}...)
	code = append(code, fold...)
	return append(code,
		asm.Xor.Imm(asm.R5, 0xffff),
		asm.StoreMem(asm.RFP, leaving+10, asm.R5, asm.Half),
	)
}

// forward changes UDP's checksum, writes the header, and sends the packet on its way. What came
// by the loopback and stays here only goes on: the kernel has found its way already.
func (f *flowFamily) forward() asm.Instructions {
	summed := f.label + " summed"
	code := f.sum(valueAddresses, csumPseudo|csumUDP)
	if f.size == 40 {
		code = f.sum(valueAddresses, csumPseudo|csumUDP|csumIPv6)
		code = append(code, asm.JEq.Imm(asm.R0, 0, summed))
		code = append(code, f.sum(valueAddresses, csumPseudo|csumUDP)...) // before Linux 6.16
	}
	code[0] = code[0].WithSymbol(f.label + " marked")
	code = append(code, asm.JNE.Imm(asm.R0, 0, "pass")) // nothing is changed so far
	ports := f.sum(valuePorts, csumUDP)
	ports[0] = ports[0].WithSymbol(summed)
	code = append(code, ports...)
	return append(code,
		asm.JNE.Imm(asm.R0, 0, "drop"),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, ethernet),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, leaving),
		asm.Mov.Imm(asm.R4, int32(f.source+f.key)),
		asm.Mov.Imm(asm.R5, storeHash),
		asm.FnSkbStoreBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, "drop"),

		asm.LoadMem(asm.R1, asm.RFP, leavingBy, asm.DWord),
		asm.JNE.Imm(asm.R1, loopback, f.label+" leave"),
		asm.LoadMem(asm.R2, asm.R6, interfaceField, asm.Word),
		asm.JEq.Imm(asm.R2, loopback, "pass"),
		asm.Mov.Imm(asm.R2, 0).WithSymbol(f.label+" leave"),
		asm.Mov.Imm(asm.R3, 0),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnRedirectNeigh.Call(),
		asm.Return(),
	)
}

// sum changes UDP's checksum by a difference that the flow knows.
func (f *flowFamily) sum(difference int16, flags int32) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, int32(ethernet+f.size)+6),
		asm.Mov.Imm(asm.R3, 0),
		asm.LoadMem(asm.R4, asm.R7, difference, asm.Word),
		asm.Mov.Imm(asm.R5, flags),
		asm.FnL4CsumReplace.Call(),
	}
}
