package tenant

import (
	"errors"
	"strings"
)

// Code names a fault for programs; Message and Want name it for people.
type Code string

// The codes. Each is the same in the API, in the audit and in tests.
const (
	CodeNotFound    Code = "not_found"    // no such noun, or it is another tenant's
	CodeForbidden   Code = "forbidden"    // seen, but not to be changed by this principal
	CodeRequired    Code = "required"     // a value is missing
	CodeInvalid     Code = "invalid"      // a value of the wrong form
	CodeOutOfRange  Code = "out_of_range" // a number too small or too large
	CodeUnknown     Code = "unknown"      // a reference to what does not exist
	CodeInUse       Code = "in_use"       // the name, domain, CLI or number is taken
	CodeReferenced  Code = "referenced"   // cannot be deleted while something names it
	CodeFixed       Code = "fixed"        // cannot be changed after creation, group 1 above all
	CodeConflict    Code = "conflict"     // two settings exclude each other
	CodeGroupsOff   Code = "groups_off"   // groups and rules cannot be made while they are off
	CodeNoBridging  Code = "no_bridging"  // transcoding without RTP bridging
	CodeNoCapacity  Code = "no_capacity"  // mission row K1
	CodeDuplicate   Code = "duplicate"    // mission row U1: Duplicate User Detected
	CodeChanged     Code = "changed"      // changed since it was read, or since the last apply
	CodeLastAdmin   Code = "last_admin"   // without him nobody could log in to the platform
	CodeUnsupported Code = "unsupported"  // known and not offered, such as SMPP
)

// The errors whose words the mission fixes.
const (
	NoChannelCapacity = "No channel capacity available for your account."
	DuplicateUser     = "Duplicate User Detected"
)

// Fault is one thing that is wrong: where, what, and what would be right.
type Fault struct {
	Code    Code   `json:"code"`
	Field   string `json:"field"` // a.b[2].c within the noun, "" = the noun
	Message string `json:"message"`
	Want    string `json:"want,omitempty"`
	Noun    Kind   `json:"noun,omitempty"` // of which noun, where several are judged at once
	Name    string `json:"name,omitempty"` // and which one of them
	Ref     Ref    `json:"-"`              // what it names in vain, where that is the fault

	Owner CustomerID `json:"-"` // whose noun it is, where several customers are judged at once
}

// Ref is a reference from one noun to another: a group by its number, all else by id.
type Ref struct {
	Kind Kind
	ID   int64
}

// RefGroup names a group of the customer at hand.
func RefGroup(number int) Ref { return Ref{KindGroup, int64(number)} }

// RefSwitch names a switch.
func RefSwitch(id SwitchID) Ref { return Ref{KindSwitch, int64(id)} }

// RefSIPUser names a SIP user.
func RefSIPUser(id SIPUserID) Ref { return Ref{KindSIPUser, int64(id)} }

// RefProfile names a SIP profile.
func RefProfile(id ProfileID) Ref { return Ref{KindProfile, int64(id)} }

// Error gives "noun name: field: message; want" as far as they are known.
func (f *Fault) Error() string {
	var b strings.Builder
	if f.Noun != "" {
		b.WriteString(string(f.Noun))
		if f.Name != "" {
			b.WriteString(" " + f.Name)
		}
		b.WriteString(": ")
	}
	if f.Field != "" {
		b.WriteString(f.Field + ": ")
	}
	b.WriteString(f.Message)
	if f.Want != "" {
		b.WriteString("; " + f.Want)
	}
	return b.String()
}

// Is makes errors.Is(err, ErrNotFound) and ErrForbidden work on faults.
func (f *Fault) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return f.Code == CodeNotFound
	case ErrForbidden:
		return f.Code == CodeForbidden
	}
	return false
}

// The sentinels of faults on which callers branch.
var (
	ErrNotFound  = errors.New("not found")
	ErrForbidden = errors.New("forbidden")
)

// Faults is all that is wrong with one thing, in order of its fields.
type Faults []*Fault

// Error joins the faults, one a line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As see each fault.
func (fs Faults) Unwrap() []error {
	out := make([]error, len(fs))
	for i, f := range fs {
		out[i] = f
	}
	return out
}

// Err is nil where there is no fault; use it rather than fs itself as an error.
func (fs Faults) Err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// NotFound is the fault for what does not exist and for what is another tenant's: alike.
func NotFound(k Kind) *Fault {
	return &Fault{Code: CodeNotFound, Noun: k, Message: "not found"}
}

// Forbidden is the fault for what is seen but may not be done; message says what.
func Forbidden(message, want string) *Fault {
	return &Fault{Code: CodeForbidden, Message: message, Want: want}
}

// GroupsOff is the fault for a group or rule that is made while the customer's groups are off (mission row C7).
func GroupsOff(n Noun) *Fault {
	return &Fault{
		Code: CodeGroupsOff, Noun: n.Kind(), Name: n.Label(), Message: "destination groups are off for this customer: groups and rules cannot be made",
		Want: "destination_groups_enabled: true first",
	}
}

// PasswordMissing is the fault for a new noun that cannot work without a password.
func PasswordMissing(k Kind, name string) *Fault {
	return &Fault{Code: CodeRequired, Noun: k, Name: name, Field: "password", Message: "is missing", Want: "a password, or generate"}
}

// FaultsOf gives the faults that err holds, nil if it is of another kind (a broken disk).
func FaultsOf(err error) Faults {
	var fs Faults
	if errors.As(err, &fs) {
		return fs
	}
	var f *Fault
	if errors.As(err, &f) {
		return Faults{f}
	}
	return nil
}
