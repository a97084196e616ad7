package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// mostFlows is how many flows there can be, of each family: 32768 streams that go both ways.
const mostFlows = 65536

// The sizes of a flow's key: two addresses and two ports, as a packet has them.
const (
	keySize4 = 2*4 + 4
	keySize6 = 2*16 + 4
)

// flowMaps is what the program knows of flows.
type flowMaps struct {
	flows4, flows6 *ebpf.Map // what a packet has from its source address on -> flowValue
	routes         *ebpf.Map // place -> way
}

// flowValue is what the kernel holds of a flow. The program writes to what stands from Packets on.
// It has no gaps: it goes to the kernel as it stands in memory.
type flowValue struct {
	Route     uint32
	SSRC      [4]byte // as packets have it
	Payloads  [2]uint64
	Clock     uint32         // Hz
	Header    uint32         // what the new addresses add to the checksum of IPv4
	Addresses uint32         // and to that of UDP
	Ports     uint32         // what the new ports add to that
	Onward    [keySize6]byte // addresses and ports from here on
	_         uint32

	Packets, Octets       uint64
	Highest               uint64 // sequence number, with the cycles above
	Window                uint64 // which of the last 64 came, the highest in bit 0
	Reordered, Duplicates uint64
	Jitter                uint64 // RTP units x 16
	Transit               uint64 // RTP units; the low 32 bits count
	Timestamp             uint64
	Arrival, Gap          uint64 // ns
}

func newFlowMaps() (m *flowMaps, err error) {
	m = &flowMaps{}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	value := uint32(binary.Size(flowValue{}))
	for _, each := range []struct {
		into *(*ebpf.Map)
		spec ebpf.MapSpec
	}{
		{&m.flows4, ebpf.MapSpec{Name: "tg_flows4", Type: ebpf.Hash, KeySize: keySize4, ValueSize: value, MaxEntries: mostFlows, Flags: unix.BPF_F_NO_PREALLOC}},
		{&m.flows6, ebpf.MapSpec{Name: "tg_flows6", Type: ebpf.Hash, KeySize: keySize6, ValueSize: value, MaxEntries: mostFlows, Flags: unix.BPF_F_NO_PREALLOC}},
		// A route for each flow at most: only where each goes to a machine of its own.
		{&m.routes, ebpf.MapSpec{Name: "tg_routes", Type: ebpf.Array, KeySize: 4, ValueSize: uint32(binary.Size(way{})), MaxEntries: 2 * mostFlows}},
	} {
		if *each.into, err = ebpf.NewMap(&each.spec); err != nil {
			return m, fmt.Errorf("map %s: %w", each.spec.Name, err)
		}
	}
	// Nothing of a flow may be lost when it is taken back, which kernels before 5.14 cannot promise.
	if err = m.flows4.LookupAndDelete(make([]byte, keySize4), &flowValue{}); !errors.Is(err, ebpf.ErrKeyNotExist) {
		return m, fmt.Errorf("take from map tg_flows4: %w", err)
	}
	return m, nil
}

func (m *flowMaps) close() error {
	var errs []error
	for _, each := range []*ebpf.Map{m.flows4, m.flows6, m.routes} {
		if each != nil {
			errs = append(errs, each.Close())
		}
	}
	return errors.Join(errs...)
}

// of is the map for flows of that address, and the key of one there.
func (m *flowMaps) of(local, peer netip.AddrPort) (*ebpf.Map, []byte) {
	if local.Addr().Is4() {
		return m.flows4, tuple(peer, local)
	}
	return m.flows6, tuple(peer, local)
}

// tuple is a packet from its source address to its ports.
func tuple(source, target netip.AddrPort) []byte {
	b := make([]byte, 0, keySize6)
	b = append(b, source.Addr().AsSlice()...)
	b = append(b, target.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, source.Port())
	return binary.BigEndian.AppendUint16(b, target.Port())
}

// ends are source and target of a key.
func ends(key []byte) (source, target netip.AddrPort) {
	size := (len(key) - 4) / 2
	a, _ := netip.AddrFromSlice(key[:size])
	b, _ := netip.AddrFromSlice(key[size : 2*size])
	ports := key[2*size:]
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(ports)), netip.AddrPortFrom(b, binary.BigEndian.Uint16(ports[2:]))
}

// value is a flow as the kernel gets it.
func (f *Flow) value(route uint32) flowValue {
	old, onward := tuple(f.Peer, f.Local), tuple(f.From, f.To)
	ports := len(old) - 4
	v := flowValue{
		Route: route, Payloads: f.Payloads, Clock: f.Clock,
		Header:    uint32(fold(difference(old[:ports], onward[:ports]))),
		Addresses: difference(old[:ports], onward[:ports]),
		Ports:     difference(old[ports:], onward[ports:]),
		Highest:   uint64(f.Start.ExtSeq), Window: 1,
		Jitter: uint64(f.Start.Jitter), Transit: uint64(f.Start.Transit),
		Timestamp: uint64(f.Start.Timestamp), Arrival: uint64(f.Start.Arrival),
	}
	binary.BigEndian.PutUint32(v.SSRC[:], f.SSRC)
	copy(v.Onward[:], onward)
	return v
}

// difference is what a checksum's sum grows by where bytes are replaced (RFC 1624 3). The order
// of bytes is the machine's, as in the kernel: such sums do not mind (RFC 1071 2).
func difference(old, by []byte) (sum uint32) {
	for i := 0; i < len(old); i += 2 {
		sum += uint32(^binary.NativeEndian.Uint16(old[i:])) + uint32(binary.NativeEndian.Uint16(by[i:]))
	}
	return sum
}

// fold brings a sum to the 16 bits of a checksum.
func fold(sum uint32) uint16 {
	sum = sum>>16 + sum&math.MaxUint16
	return uint16(sum>>16 + sum)
}

// counters are what a flow has counted so far.
func (v *flowValue) counters() FlowCounters {
	return FlowCounters{
		SSRC:    binary.BigEndian.Uint32(v.SSRC[:]),
		Packets: v.Packets, Octets: v.Octets, Reordered: v.Reordered, Duplicates: v.Duplicates,
		ExtSeq: uint32(v.Highest), Transit: uint32(v.Transit), Timestamp: uint32(v.Timestamp),
		Jitter: uint32(min(v.Jitter, math.MaxUint32)), Gap: int64(v.Gap), Arrival: int64(v.Arrival),
	}
}
