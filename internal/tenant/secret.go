package tenant

// Secret is a password that we must be able to give: to a switch that asks us for it. Nothing
// prints it.
type Secret string

// String keeps it out of logs.
func (Secret) String() string { return "(secret)" }

// GoString is String.
func (Secret) GoString() string { return "(secret)" }

// MarshalText is String, for JSON and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }
