package harness

import "testing"

// PairRouter is the far machine's first address, and the near one's way to everywhere else.
const PairRouter = "10.0.0.1"

// Pair makes two machines of one private network, until the test ends. The far one has
// PairRouter as well, and takes whatever is sent beyond it, to say that no such port is open:
// so whoever asks for a name need not wait.
func Pair(t testing.TB, nearAddr string, farAddrs ...string) (near, far Netns) {
	t.Helper()
	near, far = newNetns(t, "near"), newNetns(t, "far")
	join(t, near, "eth0", nearAddr, far, "eth0", PairRouter)
	for _, addr := range farAddrs {
		far.run(t, "ip", "address", "add", addr+"/24", "dev", "eth0")
	}
	far.run(t, "ip", "route", "add", "local", "default", "dev", "lo", "table", "main")
	near.run(t, "ip", "route", "add", "default", "via", PairRouter)
	return near, far
}
