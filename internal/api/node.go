package api

import (
	"context"
	"io"
	"time"

	"tollgate/internal/antifraud"
	"tollgate/internal/ban"
	"tollgate/internal/call"
	"tollgate/internal/live"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/relay"
	"tollgate/internal/tenant"
	"tollgate/internal/threat"
	"tollgate/internal/trace"
	"tollgate/internal/uac"
	"tollgate/sip"
)

// Node is the running edge, as far as the API asks it.
type Node interface {
	NodePanel
	// Calls gives the live calls whose customer keep takes.
	Calls(keep func(tenant.CustomerID) bool) []call.Summary
	// Hangup ends a call if allowed takes its customer; false where there is no such call.
	Hangup(id string, allowed func(tenant.CustomerID) bool) bool
	// Bindings gives the phones that have registered whose customer keep takes and that hold a text,
	// as registrar.Matching does.
	Bindings(keep func(tenant.CustomerID) bool, text string, after registrar.Place, most int) []registrar.Summary
	// Binding gives one by the ID that Bindings give.
	Binding(id string) (registrar.Summary, bool)
	// Unbind ends a binding if allowed takes its customer; false where there is no such binding.
	Unbind(id string, allowed func(tenant.CustomerID) bool) bool
	// Message sends a text to the phones of a SIP user, with from as its user's name, and gives what
	// became of it at each when all have answered, or at the end of ctx; empty where none is registered.
	Message(ctx context.Context, customer tenant.CustomerID, user tenant.SIPUserID, from, text string) []relay.Delivery
	// Bans gives the bans that stand here and whose customer keep takes, 0 for everybody's.
	Bans(keep func(tenant.CustomerID) bool) []ban.Ban
	// Ban returns once the ban is in force.
	Ban(w ban.Wish) (ban.Ban, error)
	// Unban lifts one if allowed takes its customer, and returns once nothing is dropped for it;
	// false where there is no such ban.
	Unban(id ban.ID, allowed func(tenant.CustomerID) bool) bool
	// Strangers gives the sources whose requests nobody could be found for, the latest first.
	Strangers() []threat.Stranger
	// Clashes gives the destinations whose address several customers have, where requests came
	// from that nothing told apart.
	Clashes() map[tenant.DestinationID]Clash
	// FirewallHits and BlocklistHits give what each of these has matched here, in their order; they
	// cost the same for lists of any length.
	FirewallHits(rules []tenant.FirewallRule) []policy.Tally
	BlocklistHits(entries []tenant.BlocklistEntry) []policy.Tally
	// Antifraud tells how it stands with the thresholds of customers, a row for each that is set.
	Antifraud(customers []tenant.CustomerID) []antifraud.Report
	// OpenAntifraud opens keys of a customer that are shut and that Antifraud shows by these texts; it
	// gives how many.
	OpenAntifraud(customer tenant.CustomerID, m sip.Method, from, to string) int
	// DestinationStates says how each destination does that is watched or was tried.
	DestinationStates() map[tenant.DestinationID]peer.State
	// Registrations says how ours do, at the switches at which we register.
	Registrations() map[tenant.SwitchID]uac.State
	// DomainDNS asks where a domain leads; ctx bounds the asking.
	DomainDNS(ctx context.Context, name string) DNSState
	// Decisions gives what was decided, as trace.Recorder.Find does.
	Decisions(ctx context.Context, q trace.Query) ([]trace.Decision, trace.Place, error)
	// Trace gives one with its messages, as trace.Recorder.Get does.
	Trace(ctx context.Context, id trace.ID) (trace.Decision, []trace.Message, error)
	// WatchDecisions gives them as they are made, as trace.Recorder.Watch does.
	WatchDecisions(filter func(*trace.Decision) bool) (events <-chan *trace.Decision, stop func())
	// Usage says what a limit's scope holds now.
	Usage(s live.Scope) live.Usage
	// Ceiling is the platform's limits: calls at once, and new ones a second; 0 = unlimited.
	Ceiling() (calls, cps int)
	// Explain says what would happen to such a request.
	Explain(q ExplainQuery, in policy.Language) policy.Explanation
	// RetryDeadLetters has the webhook send again what its receiver would not have, and says how
	// many records that are; ErrNoWebhook where there is none.
	RetryDeadLetters(ctx context.Context) (int64, error)
	// Applied returns once this node's traffic obeys that revision of the store.
	Applied(ctx context.Context, revision int64) error
	// Backup writes all of this node as one file. Nothing is written before it is at hand, so an
	// error before that is one that can still be told.
	Backup(ctx context.Context, w io.Writer) error
	// Info says what this node is.
	Info() Info
}

// Clash is what came from the address of a destination and could be several customers'.
type Clash struct {
	Count    int       // requests that were refused for it, until an hour passed without one
	Last     time.Time // of them
	From, To string    // From and Request-URI of the last one, as it had them
	Sharers  []tenant.CustomerID
	More     bool // more customers share the address than Sharers has
}

// ExplainQuery is a request that somebody wonders about.
type ExplainQuery struct {
	Decision  string   `json:"decision,omitempty" maxLength:"24" doc:"The id of a decision or trace: its request as it was recorded, in place of all that follows."`
	From      string   `json:"from,omitempty" example:"sip:me@there.example"`
	To        string   `json:"to,omitempty" example:"sip:100@acme.example" doc:"The Request-URI, too."`
	Source    string   `json:"source,omitempty" example:"192.0.2.1:5060" doc:"Where it comes from."`
	Method    string   `json:"method,omitempty" doc:"INVITE where absent."`
	Transport string   `json:"transport,omitempty" doc:"udp where absent; tcp, tls."`
	Headers   []string `json:"headers,omitempty" doc:"More of them: Name: value."`
}

// Info is what a node says of itself.
type Info struct {
	Version   string         `json:"version"`
	Started   time.Time      `json:"started"`
	Draining  bool           `json:"draining"` // takes no new calls
	Calls     int            `json:"calls"`
	Revision  int64          `json:"revision"` // of the store, that traffic obeys
	Listeners []ListenerInfo `json:"listeners"`
	Bans      KernelBans     `json:"bans"`
	Media     MediaWay       `json:"media"`
}

// MediaWay says how media that is settled is forwarded.
type MediaWay struct {
	Way string `json:"way" enum:"kernel,process"`
	Why string `json:"why,omitempty" doc:"Why not by the kernel."`
}

// KernelBans says whether the kernel drops for the bans that hold for everybody.
type KernelBans struct {
	Way        string `json:"way" enum:"tcx,clsact,none" doc:"How programs are attached in the kernel; none: the node itself drops, after the kernel has received the packet."`
	Why        string `json:"why,omitempty" doc:"Why not by tcx."`
	Bans       int    `json:"bans" doc:"For how many bans the kernel drops now."`
	Interfaces int    `json:"interfaces" doc:"On how many network interfaces; 0 while there are no such bans."`
}

// ListenerInfo is one address on which the node speaks SIP.
type ListenerInfo struct {
	URL       string `json:"url"`                 // udp://0.0.0.0:5060
	Advertise string `json:"advertise,omitempty"` // host:port that peers are told, where it is not the address asked
	Network   string `json:"network,omitempty"`
}
