package media

// SessionsByLoop is how many sessions each loop has.
func (e *Engine) SessionsByLoop() (list []int) {
	for _, l := range e.loops {
		list = append(list, int(l.sessions.Load()))
	}
	return list
}

// Roomy is how many sessions the first loop takes before another one gets any.
const Roomy = roomy
