package doctor

import (
	"context"
	"errors"

	"tollgate/internal/kernel"
)

// BansIn says where packets of banned sources die.
type BansIn struct {
	Way string // tcx or clsact: in the kernel; none: in the node, after the kernel has received them
	Why string // not by tcx
}

// bans says where packets of banned sources die: in the kernel, or in the program.
func (v *visit) bans(context.Context) {
	const alone = "the program drops what bans hit: %s"
	if n := v.NodeBans; n != nil {
		switch n.Way {
		case "none":
			v.ok(alone, n.Why)
		case "clsact":
			v.ok("the kernel drops what bans hit, before the running node receives it, by clsact: %s", n.Why)
		default:
			v.ok("the kernel drops what bans hit, before the running node receives it")
		}
		return
	}
	if v.Config.Media.Kernel == "off" {
		v.ok(alone, "media.kernel is off")
		return
	}
	switch way, err := v.Filter(); {
	case errors.Is(err, kernel.ErrPrivilege):
		v.ok(alone, err.Error()+"; packaging/tollgate.service gives them to the service")
	case err != nil:
		v.ok(alone, err.Error())
	default:
		v.ok("the kernel can drop what bans hit, by %s; a node needs CAP_BPF and CAP_NET_ADMIN for that, which packaging/tollgate.service gives it", way)
	}
}
