package harness

import "testing"

// PairRouter is the far machine's first address, and the near one's way to everywhere else.
const PairRouter = "10.0.0.1"

// Pair makes two machines of one private network, until the test ends. The far one has
// PairRouter as well, and says at once that nothing lies beyond: so a program that asks for
// a name, or for its way to the internet, need not wait.
func Pair(t testing.TB, nearAddr string, farAddrs ...string) (near, far Netns) {
	t.Helper()
	near, far = newNetns(t, "near"), newNetns(t, "far")
	join(t, near, nearAddr, far, "eth0", PairRouter)
	for _, addr := range farAddrs {
		far.run(t, "ip", "address", "add", addr+"/24", "dev", "eth0")
	}
	far.sysctl(t, "net/ipv4/ip_forward", "1")
	near.run(t, "ip", "route", "add", "default", "via", PairRouter)
	return near, far
}
