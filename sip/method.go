package sip

// Method is a request method; one that is not listed here is MethodOther and its
// bytes are in the message.
type Method uint8

// The methods that are told apart (RFC 3261, 3262, 3311, 3428, 3515, 3903, 6086, 6665).
const (
	MethodOther Method = iota
	INVITE
	ACK
	BYE
	CANCEL
	OPTIONS
	REGISTER
	PRACK
	UPDATE
	INFO
	MESSAGE
	SUBSCRIBE
	NOTIFY
	PUBLISH
	REFER
)

// ParseMethod names a method. Methods are case-sensitive (RFC 3261 7.1).
func ParseMethod(b []byte) Method {
	switch string(b) { // compiled to comparisons, no allocation
	case "INVITE":
		return INVITE
	case "ACK":
		return ACK
	case "BYE":
		return BYE
	case "CANCEL":
		return CANCEL
	case "OPTIONS":
		return OPTIONS
	case "REGISTER":
		return REGISTER
	case "PRACK":
		return PRACK
	case "UPDATE":
		return UPDATE
	case "INFO":
		return INFO
	case "MESSAGE":
		return MESSAGE
	case "SUBSCRIBE":
		return SUBSCRIBE
	case "NOTIFY":
		return NOTIFY
	case "PUBLISH":
		return PUBLISH
	case "REFER":
		return REFER
	}
	return MethodOther
}

// String returns the method as it stands on the wire; "OTHER" for MethodOther.
func (m Method) String() string {
	switch m {
	case INVITE:
		return "INVITE"
	case ACK:
		return "ACK"
	case BYE:
		return "BYE"
	case CANCEL:
		return "CANCEL"
	case OPTIONS:
		return "OPTIONS"
	case REGISTER:
		return "REGISTER"
	case PRACK:
		return "PRACK"
	case UPDATE:
		return "UPDATE"
	case INFO:
		return "INFO"
	case MESSAGE:
		return "MESSAGE"
	case SUBSCRIBE:
		return "SUBSCRIBE"
	case NOTIFY:
		return "NOTIFY"
	case PUBLISH:
		return "PUBLISH"
	case REFER:
		return "REFER"
	}
	return "OTHER"
}
