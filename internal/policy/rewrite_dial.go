package policy

// E.164 numbers have at most 15 digits; the shortest that exist, with their country code, 7.
const (
	minE164 = 7
	maxE164 = 15
)

// minNational is the length under which a number of a plan without national prefix is an
// extension or a service, such as 112 and 1001; minWhole the one from which a number in such
// a plan that begins with the plan's own country code has it, and is dialled in E.164 without
// a "+": national numbers are shorter.
const (
	minNational = 6
	minWhole    = 11
)

// isE164 says that text may be a number in E.164, without its "+".
func isE164(text []byte) bool {
	return len(text) >= minE164 && len(text) <= maxE164 && text[0] != '0' && allDigits(text)
}

func allDigits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// appendE164 appends a number as the plan dials it in E.164 without its "+"; false where it is
// no such number: an extension, a service, a name.
func (p *NumberPlan) appendE164(dst, text []byte) ([]byte, bool) {
	digits := text
	if len(text) > 0 && text[0] == '+' {
		digits = text[1:]
	}
	if len(digits) == 0 || len(digits) > 2*maxE164 || !allDigits(digits) {
		return dst, false
	}
	var room [3 * maxNumber]byte
	number := room[:0]
	abroad := p.International != "" && hasPrefix(digits, p.International)
	switch own := p.Country != "" && hasPrefix(digits, p.Country); {
	case p.Country == "" && len(digits) < len(text):
		number = append(number, digits...)
	case p.Country == "" && abroad:
		number = append(number, digits[len(p.International):]...)
	case p.Country == "":
		return dst, false
	case len(digits) == len(text) && !abroad && p.National == "" && own && len(digits) >= minWhole:
		number = append(number, digits...)
	case len(digits) == len(text) && !abroad && len(digits)-len(p.National) < minNational:
		return dst, false
	default:
		number = p.global(number, text)
		if number[0] != '+' {
			return dst, false
		}
		number = number[1:]
	}
	if !isE164(number) {
		return dst, false
	}
	return append(dst, number...), true
}

// dial brings the number called from the dial pattern to E.164, or from there to the pattern.
// What does not fit, such as an extension, passes as it is.
func (w *Rewriter) dial(n *Numbers, plan *NumberPlan, steps *[]RewriteStep) {
	var room [4 * maxNumber]byte
	before, text, note := n.Called, w.pattern, Phrase("")
	switch {
	case n.Emergency:
		text, note = "", "an emergency number is left as it is"
	case w.sends:
		out, ok := plan.appendPattern(room[:0], w.pattern, n)
		if !ok || !n.Called.set(out) {
			note = "; the number does not fit"
		}
	default:
		number, ok := plan.appendArrived(room[:0], w.pattern, n.Called.Bytes())
		if !ok || !n.Called.set(number) {
			note = "; the number does not fit"
		} else {
			n.Global = true
		}
	}
	told(steps, whatCalled, "dial_pattern", &before, &n.Called, text, note)
}

// appendArrived appends what arrives in a dial pattern in E.164 without its "+".
func (p *NumberPlan) appendArrived(dst []byte, pattern string, text []byte) ([]byte, bool) {
	before := ""
	switch pattern {
	case patternE164:
	case patternPlus:
		before = "+"
	case patternZeros:
		before = "00"
	case patternNational:
		return p.appendE164(dst, text)
	}
	if !hasPrefix(text, before) || !isE164(text[len(before):]) {
		return dst, false
	}
	return append(dst, text[len(before):]...), true
}

// appendPattern appends the number called in the form of a dial pattern.
func (p *NumberPlan) appendPattern(dst []byte, pattern string, n *Numbers) ([]byte, bool) {
	var room [2 * maxNumber]byte
	number, ok := n.Called.Bytes(), n.Global
	if !ok {
		number, ok = p.appendE164(room[:0], number)
	}
	if !ok {
		return dst, false
	}
	switch pattern {
	case patternPlus:
		dst = append(dst, '+')
	case patternZeros:
		dst = append(dst, "00"...)
	case patternNational:
		switch {
		case p.Country != "" && hasPrefix(number, p.Country):
			dst, number = append(dst, p.National...), number[len(p.Country):]
		case p.Country == "" || p.International == "":
			return dst, false
		default:
			dst = append(dst, p.International...)
		}
	}
	return append(dst, number...), true
}
