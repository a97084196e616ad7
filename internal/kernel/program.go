package kernel

import (
	"encoding/binary"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// What the program answers at tc ingress: the packet dies here, or goes on as if nobody had looked.
const (
	answerDrop = 2  // TCX_DROP
	answerPass = -1 // TCX_NEXT
)

const (
	protocolTCP = 6
	protocolUDP = 17

	// protocolField is where struct __sk_buff has the EtherType. The kernel has taken a VLAN tag
	// away by then, and it has one for interfaces without Ethernet, too.
	protocolField = 16
	// fromNetwork makes bpf_skb_load_bytes_relative count from the header of IP (BPF_HDR_START_NET).
	fromNetwork = 1
	// fragmentOffset is what is not 0 in all fragments but the first (RFC 791 3.1).
	fragmentOffset = 0x1fff
)

// The stack holds the header of IP as it came, and behind it the two ports. What comes before
// the source is overwritten with a prefix length, and the source port with the protocol: then
// the keys of both look-ups lie there ready, without copying.
//
//	IPv4  0 .. [8 length][12 source][16 target][20 protocol][22 port]
//	IPv6  0 .. [4 length][ 8 source][24 target][40 protocol][42 port]
const header = -44

// family is how a header of IP is read.
type family struct {
	label     string
	etherType uint16
	size      int16 // bytes without options
	next      int16 // where it says what comes above IP
	source    int16
	target    int16
	bits      int32 // of an address
	banned    *ebpf.Map
	doors     *ebpf.Map
}

func (m *maps) families() []family {
	return []family{
		{label: "ipv4", etherType: 0x0800, size: 20, next: 9, source: 12, target: 16, bits: 32, banned: m.banned4, doors: m.doors4},
		{label: "ipv6", etherType: 0x86dd, size: 40, next: 6, source: 8, target: 24, bits: 128, banned: m.banned6, doors: m.doors6},
	}
}

// program is the filter, in the order in which most packets are done with soonest: most sources
// are not banned. It holds no loop, and what it cannot read passes: step 3 still sees that.
func program(m *maps, first, last uint16) asm.Instructions {
	code := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1).WithSymbol("banned"),
		asm.LoadMem(asm.R2, asm.R6, protocolField, asm.Word),
	}
	for _, f := range m.families() {
		code = append(code, asm.JEq.Imm(asm.R2, int32(networkOrder(f.etherType)), f.label))
	}
	code = append(code,
		asm.Mov.Imm(asm.R0, answerPass).WithSymbol("pass"),
		asm.Return(),
	)
	for _, f := range m.families() {
		code = append(code, f.look(first, last)...)
	}
	return append(code, m.count()...)
}

// look judges a packet of one family. R6 is the packet, R7 the ban's place among the counters,
// R8 the protocol above IP, R9 where that begins.
func (f *family) look(first, last uint16) asm.Instructions {
	known := f.label + " with ports"
	key := header + f.size // where the ports are read to: sport, dport
	code := load(f.label, 0, header, f.size)
	code = append(code, f.above()...)
	code = append(code,
		asm.LoadMem(asm.R8, asm.RFP, header+f.next, asm.Byte),
		asm.JEq.Imm(asm.R8, protocolUDP, known),
		asm.JNE.Imm(asm.R8, protocolTCP, "pass"),
		asm.StoreImm(asm.RFP, header+f.source-4, int64(f.bits), asm.Word).WithSymbol(known),
	)
	code = append(code, lookUp(f.banned, header+f.source-4)...)
	code = append(code,
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.LoadMem(asm.R7, asm.R0, 0, asm.Word),
	)
	code = append(code, load("", asm.R9, key, 4)...)
	code = append(code, asm.StoreMem(asm.RFP, key, asm.R8, asm.Half))
	code = append(code, lookUp(f.doors, header+f.target)...)
	code = append(code,
		asm.JNE.Imm(asm.R0, 0, "drop"),
		// No door of SIP; but all ports of media are one door, with protocol and port 0.
		asm.JNE.Imm(asm.R8, protocolUDP, "pass"),
		asm.LoadMem(asm.R1, asm.RFP, key+2, asm.Half),
		asm.HostTo(asm.BE, asm.R1, asm.Half),
		asm.JLT.Imm(asm.R1, int32(first), "pass"),
		asm.JGT.Imm(asm.R1, int32(last), "pass"),
		asm.StoreImm(asm.RFP, key, 0, asm.Word),
	)
	code = append(code, lookUp(f.doors, header+f.target)...)
	return append(code,
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.Ja.Label("drop"),
	)
}

// above sets R9 to where the header above IP begins. An IPv6 packet with extension headers
// passes, since hardly anybody sends one. So do all fragments of an IPv4 packet but the first:
// they have no ports, so they may be meant for anything, and come to nothing without the first.
func (f *family) above() asm.Instructions {
	if f.bits == 128 {
		return asm.Instructions{asm.Mov.Imm(asm.R9, int32(f.size))}
	}
	return asm.Instructions{
		asm.LoadMem(asm.R9, asm.RFP, header, asm.Byte),
		asm.And.Imm(asm.R9, 0x0f), // in words of 4 bytes
		asm.LSh.Imm(asm.R9, 2),
		asm.JLT.Imm(asm.R9, int32(f.size), "pass"),
		asm.LoadMem(asm.R1, asm.RFP, header+6, asm.Half),
		asm.HostTo(asm.BE, asm.R1, asm.Half),
		asm.And.Imm(asm.R1, fragmentOffset),
		asm.JNE.Imm(asm.R1, 0, "pass"),
	}
}

// count adds one to the counter in R7, and drops.
func (m *maps) count() asm.Instructions {
	code := asm.Instructions{asm.StoreMem(asm.RFP, header, asm.R7, asm.Word).WithSymbol("drop")}
	code = append(code, lookUp(m.counters, header)...)
	return append(code,
		asm.JEq.Imm(asm.R0, 0, "dropped"), // never: the verifier wants to see it
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
		asm.Mov.Imm(asm.R0, answerDrop).WithSymbol("dropped"),
		asm.Return(),
	)
}

// load copies bytes of the packet, counted from the header of IP, to the stack. A packet that
// ends before passes. From is a register or a number.
func load[T int | asm.Register](label string, from T, to, size int16) asm.Instructions {
	offset := asm.Mov.Imm(asm.R2, int32(from))
	if r, ok := any(from).(asm.Register); ok {
		offset = asm.Mov.Reg(asm.R2, r)
	}
	code := asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R6),
		offset,
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, int32(to)),
		asm.Mov.Imm(asm.R4, int32(size)),
		asm.Mov.Imm(asm.R5, fromNetwork),
		asm.FnSkbLoadBytesRelative.Call(),
		asm.JNE.Imm(asm.R0, 0, "pass"),
	}
	if label != "" {
		code[0] = code[0].WithSymbol(label)
	}
	return code
}

// lookUp looks for the key at that place of the stack; R0 is then the value's address, or 0.
func lookUp(m *ebpf.Map, key int16) asm.Instructions {
	return asm.Instructions{
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, int32(key)),
		asm.FnMapLookupElem.Call(),
	}
}

// networkOrder is a number as this machine reads it from a packet.
func networkOrder(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}
