package transport

// Adopt turns a flow that another process of this node has kept into one of ours: of
// the listener that has its local address now. A connection stays the dead one that
// it is. False where no listener is left that fits.
func (t *Transport) Adopt(f Flow) (Flow, bool) {
	local := f.Local.Addr().Unmap()
	for _, l := range t.listeners {
		if l.Proto != f.Proto || f.Proto == UDP && l.Addr.Port() != f.Local.Port() {
			continue
		}
		if l.Addr.Addr() == local || l.wildcard() && l.takes(local) {
			f.Listener = l.Index
			return f, true
		}
	}
	return f, false
}
