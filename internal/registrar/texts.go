package registrar

// What a binding says in words.
const (
	textAOR = iota
	textURI
	textInstance
	textPath
	textAgent
	textCount
)

// texts are a binding's, in one piece.
type texts struct {
	all  string
	ends [textCount]uint16
}

// textsOf are the texts that parts say; all is room for them.
func textsOf(parts *[textCount][]byte, room []byte) (t texts) {
	for i, part := range parts {
		room = append(room, part...)
		t.ends[i] = uint16(len(room))
	}
	t.all = string(room)
	return t
}

// say that the texts are those of parts.
func (t *texts) say(parts *[textCount][]byte) bool {
	for i, part := range parts {
		if t.text(i) != string(part) {
			return false
		}
	}
	return true
}

func (t *texts) text(i int) string {
	start := uint16(0)
	if i > 0 {
		start = t.ends[i-1]
	}
	return t.all[start:t.ends[i]]
}

func (t *texts) aor() string      { return t.text(textAOR) }
func (t *texts) uri() string      { return t.text(textURI) }
func (t *texts) instance() string { return t.text(textInstance) }
func (t *texts) path() string     { return t.text(textPath) }
func (t *texts) agent() string    { return t.text(textAgent) }
