package tenant

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Codecs are the names that codec lists may hold, as SDP writes them (RFC 3551, RFC 7587).
func Codecs() []string {
	return []string{"PCMU", "PCMA", "G722", "G729", "G723", "G726-32", "GSM", "iLBC", "AMR", "AMR-WB", "opus", "speex", "L16", "telephone-event"}
}

// canonicalCodec gives the name as SDP writes it; SDP compares it in any case.
func canonicalCodec(v string) (string, bool) {
	for _, c := range Codecs() {
		if strings.EqualFold(c, v) {
			return c, true
		}
	}
	return v, false
}

func canonicalCodecs(list []string) {
	for i, v := range list {
		list[i], _ = canonicalCodec(v)
	}
}

func (c *check) codecs(field string, list []string) {
	for i, v := range list {
		if _, ok := canonicalCodec(v); !ok {
			c.add(CodeInvalid, index(field, i), quote(v)+" is not a known codec", "one of "+strings.Join(Codecs(), ", "))
		}
	}
	c.unique(field, list)
}

// Normalize brings the customer to the one form that is stored and compared.
func (v *Customer) Normalize() {
	v.Realm = strings.TrimSpace(v.Realm)
	for i, d := range v.Digest {
		v.Digest[i] = strings.ToLower(d)
	}
	canonicalCodecs(v.Transcoding.Codecs)
	v.Digest = present(v.Digest)
	v.Transcoding.Codecs = present(v.Transcoding.Codecs)
	v.Emergency.Numbers = present(v.Emergency.Numbers)
}

// present makes an absent list an empty one, for nouns that do not tell the two apart.
func present[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Validate gives all that is wrong with the customer by itself; CheckAccount judges it with what it owns.
func (v *Customer) Validate() Faults {
	c := &check{}
	c.name("name", v.Name)
	c.dialling(v)
	if v.Realm != "" {
		c.realm("realm", v.Realm)
	}
	c.digest(v.Digest)
	c.limit("call_limit", v.CallLimit)
	c.limit("cps", v.CPS)
	c.transcoding(v)
	c.oneOf("destination_mode", string(v.DestinationMode), string(ModePriority), string(ModeLoadBalancing))
	c.antifraud(v.Antifraud)
	c.timers(v.Timers)
	c.oneOf("in_call_ping", v.InCallPing, "off", "both", "caller", "callee")
	c.oneOf("nat_ping", v.NATPing, "enabled", "disabled")
	if _, _, f := extensionBlock(v.ExtensionBlock); f != nil {
		c.put("extension_block", f)
	}
	c.oneOf("registration", v.Registration, "relay", "local")
	c.oneOf("outbound", v.Outbound, "customer", "any")
	c.emergency(v.Emergency)
	return c.faults
}

func (c *check) dialling(v *Customer) {
	c.digits("country_code", v.CountryCode, digitSet, 3, `digits without + or 00, such as "39"; "" for none`)
	if strings.HasPrefix(v.CountryCode, "0") {
		c.add(CodeInvalid, "country_code", quote(v.CountryCode)+" begins with 0", `the code alone, such as "39"`)
	}
	c.digits("international_prefix", v.InternationalPrefix, digitSet, 6, `what is dialled before a country code, such as "00" or "011"`)
	c.digits("national_prefix", v.NationalPrefix, digitSet, 4, `what is dialled before a national number, such as "0"; "" for none`)
}

func (c *check) realm(field, v string) {
	c.text(field, v, 255)
	if strings.ContainsAny(v, `"\`) {
		c.add(CodeInvalid, field, quote(v)+" holds a quote or a backslash", "such as example.com")
	}
}

func (c *check) digest(list []string) {
	if len(list) == 0 {
		c.add(CodeRequired, "digest", "lists no algorithm", "[sha-256, md5], or one of them")
	}
	for i, v := range list {
		c.oneOf(index("digest", i), v, "sha-256", "md5", "sha-512-256")
	}
	c.unique("digest", list)
}

func (c *check) transcoding(v *Customer) {
	c.codecs("transcoding.codecs", v.Transcoding.Codecs)
	if !v.Transcoding.Enabled {
		return
	}
	if len(v.Transcoding.Codecs) == 0 {
		c.add(CodeRequired, "transcoding.codecs", "lists no codec", "the codecs to offer, in order, such as [PCMA, PCMU, opus]")
	}
	if !v.RTPBridging {
		c.add(CodeNoBridging, "transcoding.enabled", "transcoding needs RTP bridging, which is off", "rtp_bridging: true, or transcoding off")
	}
}

func (c *check) antifraud(v Antifraud) {
	c.number("antifraud.invite", v.Invite, 0, 100_000)
	c.number("antifraud.register", v.Register, 0, 100_000)
	c.number("antifraud.options", v.Options, 0, 100_000)
	c.oneOf("antifraud.mode", v.Mode, "enforce", "monitor")
}

func (c *check) timers(v Timers) {
	c.duration("timers.initial", v.Initial, 100*time.Millisecond, 5*time.Minute)
	c.duration("timers.invite", v.Invite, 100*time.Millisecond, time.Hour)
	c.duration("timers.max_call", v.MaxCall, time.Second, 30*24*time.Hour)
}

func (c *check) duration(field string, v, low, high time.Duration) {
	if v < low || v > high {
		c.add(CodeOutOfRange, field, v.String()+" is out of range", FormatDuration(low)+" to "+FormatDuration(high))
	}
}

func (c *check) emergency(v Emergency) {
	for i, n := range v.Numbers {
		if digits := strings.TrimPrefix(n, "+"); digits == "" || len(digits) > 20 || strings.Trim(digits, digitSet) != "" {
			c.add(CodeInvalid, index("emergency.numbers", i), quote(n)+" is not a number", `digits, such as "112"`)
		}
	}
	c.unique("emergency.numbers", v.Numbers)
	c.group("emergency.group", v.Group)
}

// group wants the number that a group can have; whether it exists is judged by CheckAccount.
func (c *check) group(field string, v int) {
	if v < DefaultGroup || v > MaxGroup {
		c.add(CodeOutOfRange, field, fmt.Sprintf("there is no group %d", v), fmt.Sprintf("%d to %d", DefaultGroup, MaxGroup))
	}
}

// MaxGroup is the highest number of a destination group.
const MaxGroup = 9

// extensionBlock reads "1000-1999"; "" is no block.
func extensionBlock(v string) (low, high string, f *Fault) {
	if v == "" {
		return "", "", nil
	}
	low, high, found := strings.Cut(v, "-")
	ok := found && low != "" && len(low) <= 15 && len(low) == len(high) && strings.Trim(low+high, digitSet) == "" && low <= high
	if !ok {
		return "", "", &Fault{
			Code: CodeInvalid, Message: quote(v) + " is not a block of extensions",
			Want: `two numbers of the same length, the lower first, such as "1000-1999"`,
		}
	}
	return low, high, nil
}

// InBlock says whether the username is one of the customer's extension block; without a block every one is.
func (v *Customer) InBlock(username string) bool {
	low, high, f := extensionBlock(v.ExtensionBlock)
	if f != nil || low == "" {
		return true
	}
	return len(username) == len(low) && strings.Trim(username, digitSet) == "" && username >= low && username <= high
}

// FreeExtensions gives up to limit extensions of the block that no username in taken has.
func (v *Customer) FreeExtensions(taken []string, limit int) []string {
	low, high, f := extensionBlock(v.ExtensionBlock)
	if f != nil || low == "" {
		return nil
	}
	from, _ := strconv.ParseUint(low, 10, 64)
	to, _ := strconv.ParseUint(high, 10, 64)
	used := make(map[string]bool, len(taken))
	for _, t := range taken {
		used[t] = true
	}
	var free []string
	for n := from; n <= to && len(free) < limit; n++ {
		if ext := fmt.Sprintf("%0*d", len(low), n); !used[ext] {
			free = append(free, ext)
		}
	}
	return free
}

// Equal says whether two customers are the same but for id and stamp.
func (v Customer) Equal(o Customer) bool {
	v.ID, o.ID, v.Stamp, o.Stamp = 0, 0, Stamp{}, Stamp{}
	a, errA := json.Marshal(v)
	b, errB := json.Marshal(o)
	return cmp.Or(errA, errB) == nil && slices.Equal(a, b)
}

// timersText is how timers are written everywhere outside of the program: "5s", "2m", "12h".
type timersText struct {
	Initial string `json:"initial"`
	Invite  string `json:"invite"`
	MaxCall string `json:"max_call"`
}

// MarshalJSON writes the timers as tenants.yaml does: "5s".
func (t Timers) MarshalJSON() ([]byte, error) {
	return json.Marshal(timersText{FormatDuration(t.Initial), FormatDuration(t.Invite), FormatDuration(t.MaxCall)})
}

// UnmarshalJSON reads what MarshalJSON writes; a timer that is left out keeps its value.
func (t *Timers) UnmarshalJSON(data []byte) error {
	var text timersText
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	for _, f := range []struct {
		name, text string
		to         *time.Duration
	}{{"initial", text.Initial, &t.Initial}, {"invite", text.Invite, &t.Invite}, {"max_call", text.MaxCall, &t.MaxCall}} {
		if f.text == "" {
			continue
		}
		d, fault := ParseDuration(f.text)
		if fault != nil {
			fault.Field = "timers." + f.name
			return fault
		}
		*f.to = d
	}
	return nil
}

// FormatDuration writes 12h rather than 12h0m0s.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// ParseDuration reads "5s", "1h30m" and "7d".
func ParseDuration(v string) (time.Duration, *Fault) {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, &Fault{Code: CodeInvalid, Message: quote(v) + " is not a time", Want: "a number and its unit, such as 500ms, 5s, 2m or 12h"}
	}
	return d, nil
}
