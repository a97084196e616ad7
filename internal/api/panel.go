package api

// NodePanel is the node as the panel's pages ask it, beyond what Node has for scripts.
type NodePanel interface {
	NodePulse
}

// panel are the operations that pages of the panel are made of.
func (s *server) panel() {
	s.overviews()
	s.orders()
	s.hangups()
}
