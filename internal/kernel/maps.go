package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// maps is what the program knows, and this process writes.
type maps struct {
	banned4, banned6 *ebpf.Map // range -> its place among the counters, the longest range first
	doors4, doors6   *ebpf.Map // address, protocol and port of ours; both are 0 for media
	counters         *ebpf.Map // packets that were dropped
}

// mostDoors is how many addresses with ports a node may have: a thousand addresses with a
// dozen listeners each.
const mostDoors = 16384

func newMaps(most uint32) (m *maps, err error) {
	m = &maps{}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	for _, each := range []struct {
		into *(*ebpf.Map)
		spec ebpf.MapSpec
	}{
		{&m.banned4, ebpf.MapSpec{Name: "tg_banned4", Type: ebpf.LPMTrie, KeySize: 8, ValueSize: 4, MaxEntries: most, Flags: unix.BPF_F_NO_PREALLOC}},
		{&m.banned6, ebpf.MapSpec{Name: "tg_banned6", Type: ebpf.LPMTrie, KeySize: 20, ValueSize: 4, MaxEntries: most, Flags: unix.BPF_F_NO_PREALLOC}},
		{&m.doors4, ebpf.MapSpec{Name: "tg_doors4", Type: ebpf.Hash, KeySize: 8, ValueSize: 1, MaxEntries: mostDoors, Flags: unix.BPF_F_NO_PREALLOC}},
		{&m.doors6, ebpf.MapSpec{Name: "tg_doors6", Type: ebpf.Hash, KeySize: 20, ValueSize: 1, MaxEntries: mostDoors, Flags: unix.BPF_F_NO_PREALLOC}},
		// Read as memory, since a thousand counters are a thousand system calls otherwise.
		{&m.counters, ebpf.MapSpec{Name: "tg_dropped", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: most, Flags: unix.BPF_F_MMAPABLE}},
	} {
		if *each.into, err = ebpf.NewMap(&each.spec); err != nil {
			return m, fmt.Errorf("map %s: %w", each.spec.Name, err)
		}
	}
	return m, nil
}

func (m *maps) close() error {
	var errs []error
	for _, each := range []*ebpf.Map{m.banned4, m.banned6, m.doors4, m.doors6, m.counters} {
		if each != nil {
			errs = append(errs, each.Close())
		}
	}
	return errors.Join(errs...)
}

// banned is the map for a range, and its key there: the prefix length, then the address.
func (m *maps) banned(p netip.Prefix) (*ebpf.Map, []byte) {
	key := append(binary.NativeEndian.AppendUint32(nil, uint32(p.Bits())), p.Addr().AsSlice()...)
	if p.Addr().Is4() {
		return m.banned4, key
	}
	return m.banned6, key
}

// door is one address, protocol and port of ours; with 0 for both it stands for all of media.
type door struct {
	protocol uint16
	at       netip.AddrPort
}

// doors is the map for a door, and its key there.
func (m *maps) doors(d door) (*ebpf.Map, []byte) {
	key := binary.NativeEndian.AppendUint16(d.at.Addr().AsSlice(), d.protocol)
	key = binary.BigEndian.AppendUint16(key, d.at.Port())
	if d.at.Addr().Is4() {
		return m.doors4, key
	}
	return m.doors6, key
}
