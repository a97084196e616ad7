package doctor

import (
	"context"
	"errors"

	"tollgate/internal/kernel"
)

// BansIn says where packets of banned sources die.
type BansIn struct {
	Kernel bool   // else in the node, after the kernel has received them
	Why    string // then: why not in the kernel
}

// bans says where packets of banned sources die: in the kernel, or in the program.
func (v *visit) bans(context.Context) {
	const alone = "the program drops what bans hit: %s"
	if n := v.NodeBans; n != nil {
		if n.Kernel {
			v.ok("the kernel drops what bans hit, before the running node receives it")
		} else {
			v.ok(alone, n.Why)
		}
		return
	}
	if v.Config.Media.Kernel == "off" {
		v.ok(alone, "media.kernel is off")
		return
	}
	switch err := v.Filter(); {
	case errors.Is(err, kernel.ErrPrivilege):
		v.ok(alone, err.Error()+"; packaging/tollgate.service gives them to the service")
	case err != nil:
		v.ok(alone, err.Error())
	default:
		v.ok("the kernel can drop what bans hit; a node needs CAP_BPF and CAP_NET_ADMIN for that, which packaging/tollgate.service gives it")
	}
}
