package edge

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"sync"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/ban"
	"tollgate/internal/call"
	"tollgate/internal/feed"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// newsEvery is how often calls are looked through for what has changed, while somebody watches.
const newsEvery = time.Second

// mostHosts is how many destinations' hosts change between two looks without being forgotten.
const mostHosts = 1000

// news makes the events of live pages, once for all who watch. Calls are not told one by one as
// they change, under their shards' locks, but compared once a second: a thousand of them cost
// what one list costs, however many watch.
type news struct {
	edge *Edge
	feed feed.Feed
	stop context.CancelFunc
	done sync.WaitGroup

	mu    sync.Mutex // guards what follows
	hosts map[string]bool
	over  []call.Summary // calls that have ended since the last look

	looking  sync.Mutex              // guards all below
	calls    map[string]call.Summary // as they were told last; nil: nobody watched
	gone     map[string]bool         // calls of which the end was told, and which are still listed
	revision int64
	audit    int64
}

func newNews(e *Edge) *news { return &news{edge: e, hosts: make(map[string]bool)} }

func (n *news) start() {
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.done.Go(func() {
		tick := time.NewTicker(newsEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				n.look(ctx)
			}
		}
	})
}

// close ends it; who watches is told by his channel's end.
func (n *news) close() {
	n.feed.Close()
	if n.stop != nil {
		n.stop()
		n.done.Wait()
	}
}

func (n *news) look(ctx context.Context) {
	n.looking.Lock()
	defer n.looking.Unlock()
	if !n.feed.Watched() {
		n.calls, n.gone, n.revision = nil, nil, 0
		n.changedHosts()
		n.ended()
		return
	}
	n.lookAtCalls()
	n.lookAtDestinations()
	n.lookAtConfig(ctx)
}

// tell tells of something; what cannot be written as JSON is a fault of ours, and nobody's loss.
func (n *news) tell(kind string, customer tenant.CustomerID, what any) {
	data, err := json.Marshal(what)
	if err != nil {
		n.edge.log.Error("event", "kind", kind, "error", err.Error())
		return
	}
	n.feed.Tell(&feed.Event{Kind: kind, Customer: customer, Data: data})
}

// overs is how many calls that end between two looks are told with their ends' words.
const overs = 4096

// callEnded notes a call that is over, while somebody watches: one that is shorter than the time between two looks
// is known only so.
func (n *news) callEnded(c *call.Ending) {
	if !n.feed.Watched() {
		return
	}
	s := call.Summary{
		ID: hex.EncodeToString(c.ID[:]), Customer: c.Customer.Settings.ID, Name: c.Customer.Settings.Name,
		Direction: c.Direction.String(), State: "calling", Hidden: c.Hidden, CallID: string(c.CallID), From: string(c.From), To: string(c.To),
		Source: c.Source.Remote.String(), Started: c.Started.UTC(), Reason: c.Reason, Status: c.Status, By: endedBy(c).String(),
		Media: slices.Clone(c.Media), OneWay: oneWay(c),
	}
	if c.Destination != nil {
		s.Destination = c.Destination.Name
	}
	if c.Target.Proto != 0 {
		s.Target = c.Target.Remote.String()
	}
	if c.Answered {
		s.State, s.Answered, s.Seconds = "up", s.Started.Add(c.Setup), int(c.Duration/time.Second)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.over) < overs {
		n.over = append(n.over, s)
	}
}

// ended gives the calls that have ended since it was asked last.
func (n *news) ended() []call.Summary {
	n.mu.Lock()
	defer n.mu.Unlock()
	over := n.over
	n.over = nil
	return over
}

func (n *news) lookAtCalls() {
	n.compare(n.edge.calls.List(func(tenant.CustomerID) bool { return true }))
}

// compare compares the calls that there are with those that were told. What is over is told first: such a call stays on the
// list until its BYE is answered.
func (n *news) compare(list []call.Summary) {
	over := n.ended() // as of a moment after the list, so that nothing falls between the two
	first := n.calls == nil
	gone := make(map[string]bool)
	for i := range over {
		n.tellEnd(&over[i], first)
		gone[over[i].ID] = true
	}
	now := make(map[string]call.Summary, len(list))
	still := make(map[string]bool)
	for i := range list {
		c := &list[i]
		if gone[c.ID] || n.gone[c.ID] {
			still[c.ID] = true
			continue
		}
		if !first { // else there is nothing to compare with
			n.tellCall(c)
		}
		now[c.ID] = *c
		delete(n.calls, c.ID)
	}
	for _, c := range n.calls { // of whose end there was no room to be noted
		n.tell(feed.Call, c.Customer, api.CallEvent{What: api.CallEnds, Call: c})
	}
	n.calls, n.gone = now, still
}

// tellEnd tells that a call is over, and of its beginning where nobody saw it.
func (n *news) tellEnd(c *call.Summary, first bool) {
	was, known := n.calls[c.ID]
	delete(n.calls, c.ID)
	if first {
		return // it ended before anybody watched
	}
	if !known {
		begin := *c
		begin.State, begin.Answered, begin.Seconds, begin.Status, begin.Reason, begin.By = "calling", time.Time{}, 0, 0, policy.OK, ""
		n.tell(feed.Call, c.Customer, api.CallEvent{What: api.CallStarts, Call: begin})
	}
	if was.Answered.IsZero() && !c.Answered.IsZero() {
		n.tell(feed.Call, c.Customer, api.CallEvent{What: api.CallAnswered, Call: *c})
	}
	n.tell(feed.Call, c.Customer, api.CallEvent{What: api.CallEnds, Call: *c})
}

// tellCall tells what is new of a call that goes on. What changes little by little is told some day, so c
// is left as it was told.
func (n *news) tellCall(c *call.Summary) {
	switch was, known := n.calls[c.ID]; {
	case !known:
		n.tell(feed.Call, c.Customer, api.CallEvent{What: api.CallStarts, Call: *c})
	case was.Answered.IsZero() && !c.Answered.IsZero():
		n.tell(feed.Call, c.Customer, api.CallEvent{What: api.CallAnswered, Call: *c})
	case was.State != c.State, was.Target != c.Target, was.Destination != c.Destination, soundsOther(&was, c):
		n.tell(feed.Call, c.Customer, api.CallEvent{What: api.CallChanged, Call: *c})
	default:
		c.OneWay, c.Media = was.OneWay, was.Media
	}
}

// A MOS and a loss, in per cent, that have moved by so much are told.
const (
	otherMOS  = 0.2
	otherLoss = 1
)

// soundsOther says that a call sounds in another way than was told: another codec, somebody who is heard
// or is not, better or worse.
func soundsOther(was, is *call.Summary) bool {
	if was.OneWay != is.OneWay || len(was.Media) != len(is.Media) {
		return true
	}
	for i := range is.Media {
		a, b := &was.Media[i], &is.Media[i]
		if a.Sound != b.Sound || a.Codec != b.Codec || a.Suite != b.Suite || a.Source != b.Source || a.Kernel != b.Kernel ||
			math.Abs(a.MOS.Average-b.MOS.Average) >= otherMOS || math.Abs(a.LossPercent-b.LossPercent) >= otherLoss {
			return true
		}
	}
	return false
}

// destination notes that one has changed; it is peer.WatchConfig's.
func (n *news) destination(host string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.hosts) < mostHosts {
		n.hosts[host] = true
	}
}

func (n *news) changedHosts() map[string]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.hosts) == 0 {
		return nil
	}
	changed := n.hosts
	n.hosts = make(map[string]bool)
	return changed
}

func (n *news) lookAtDestinations() {
	changed := n.changedHosts()
	if changed == nil {
		return
	}
	states := n.edge.watch.States()
	for c := range n.edge.table.Snapshot().Customers {
		for _, d := range c.Destinations {
			if !changed[d.Host] {
				continue
			}
			s, known := states[d.ID]
			if !known {
				s.Status = peer.StatusUnknown
			}
			n.tell(feed.Destination, c.Settings.ID, neighbourRow(c, d, &s))
		}
	}
}

// lookAtConfig tells which nouns have changed, so that pages that show them ask again.
func (n *news) lookAtConfig(ctx context.Context) {
	revision := n.edge.follower.seen.Load()
	if revision == n.revision {
		return
	}
	first := n.revision == 0
	changes, last, err := n.edge.store.ChangedNouns(ctx, n.audit)
	if err != nil {
		return // the follower says so
	}
	n.revision, n.audit = revision, last
	if first {
		return
	}
	for _, c := range changes {
		data, err := json.Marshal(api.ConfigEvent{Revision: revision, Customer: c.Customer, Company: c.Company, Nouns: c.Nouns})
		if err == nil {
			n.feed.Tell(&feed.Event{Kind: feed.Config, Company: c.Company, Customer: c.Customer, Data: data})
		}
	}
}

// banned tells of a ban that was made.
func (n *news) banned(b *ban.Ban) {
	if n.feed.Watched() {
		n.tell(feed.Ban, b.Customer, api.BanEvent{
			What: api.BanMade, ID: b.ID.String(), Customer: b.Customer, Address: b.Prefix.String(), Reason: b.Reason, Until: b.Until.UTC(),
		})
	}
}

// lifted tells of a ban that was taken back.
func (n *news) lifted(id ban.ID, customer tenant.CustomerID) {
	if n.feed.Watched() {
		n.tell(feed.Ban, customer, api.BanEvent{What: api.BanLifted, ID: id.String(), Customer: customer})
	}
}

// Watch is api.Node. What the next look is compared with is as of now when it returns: who then asks
// for a list misses nothing between the two.
func (e *Edge) Watch(filter func(*feed.Event) bool) *feed.Watcher {
	n := e.news
	w := n.feed.Watch(filter)
	ctx, cancel := context.WithTimeout(context.Background(), newsEvery)
	defer cancel()
	n.looking.Lock()
	defer n.looking.Unlock()
	n.lookAtCalls()
	if n.revision == 0 {
		n.lookAtConfig(ctx)
	}
	return w
}
