package ua

// Extension is a number of the PBX and what it does.
type Extension struct {
	User string // of the Request-URI; "" for every other
	What string // for people

	play   play
	script func(cfg *PBXConfig) []step
}

// Extensions lists what the PBX answers to; the last one stands for every number
// that is not listed.
func Extensions() []Extension {
	return []Extension{
		{"100", "answers and plays a tone", playTone, answering},
		{"101", "answers and echoes", playEcho, answering},
		{"102", "is busy", playTone, refusing},
		{"103", "rings for ever", playTone, ringing},
		{"104", "plays before it answers", playTone, earlyMedia},
		{"", "answers, plays a tone and hangs up", playTone, hangingUp},
	}
}

func (p *PBX) extension(user string) Extension {
	all := Extensions()
	for _, e := range all {
		if e.User == user && user != "" {
			return e
		}
	}
	return all[len(all)-1]
}

func answering(cfg *PBXConfig) []step {
	return []step{{0, (*incoming).ring}, {cfg.Ring, (*incoming).answer}}
}

func refusing(*PBXConfig) []step {
	return []step{{0, func(in *incoming) { in.refuse(486) }}}
}

func ringing(*PBXConfig) []step {
	return []step{{0, (*incoming).ring}}
}

func earlyMedia(cfg *PBXConfig) []step {
	return []step{{0, (*incoming).progress}, {cfg.Ring, (*incoming).answer}}
}

func hangingUp(cfg *PBXConfig) []step {
	return append(answering(cfg), step{cfg.Talk, (*incoming).hangUp})
}
