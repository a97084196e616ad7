package sip

// Drop is the Status of a Verdict for which no answer can or may be built.
const Drop = -1

// Verdict is what Validate says: Status 0 is fine, 4xx and 5xx are to be answered,
// Drop is silence. Reason fits the status line and logs; Off is where the fault is.
type Verdict struct {
	Status int
	Reason string
	Off    uint16
}

// Validate judges a message that was parsed.
func Validate(m *Message) Verdict {
	return Verdict{}
}
