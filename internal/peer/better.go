package peer

// Better says which of two refusals of a forked request its sender is told (RFC 3261
// 16.7 step 6): a 6xx before all, else the lower class; in a class one that asks for
// something first.
func Better(a, b int) bool { return refusalRank(a) < refusalRank(b) }

func refusalRank(code int) int {
	switch {
	case code >= 600:
		return 0
	case code == 401, code == 407, code == 415, code == 420, code == 484:
		return 399
	}
	return code / 100 * 100
}
