package trace

import (
	"encoding/binary"
	"hash/maphash"
	"time"
)

const (
	drainEvery = 100 * time.Millisecond
	tidyEvery  = time.Second
	pruneEvery = time.Hour
	// rewriteAfter is how often a call that goes on is written again.
	rewriteAfter = time.Minute
	// mostMessages is how many messages of one case are kept.
	mostMessages = 400
	// mostHeld is how many bytes of messages wait for their verdict from batch to batch.
	mostHeld = 2 << 20
	// mostSpare is how many entries are kept to be used again.
	mostSpare = 1024
)

// drain is the goroutine that finds the case of each message, and writes.
type drain struct {
	r       *Recorder
	store   *store
	spare   []byte // the buffer that is not filled
	now     time.Time
	tidied  time.Time
	cases   map[ID]*entry
	calls   calls
	lists   [states]list
	dirty   []*entry
	holding []*entry // entries whose held messages are parts of the batch
	held    int      // bytes of copies
	memory  int      // bytes of entries
	budget  budget
	stats   Stats
	far     []byte // scratch
	unused  *entry // by after: to be used again
	spares  int    // how many
}

func newDrain(r *Recorder, s *store) *drain {
	return &drain{
		r: r, store: s, spare: make([]byte, 0, bufferBytes),
		cases: make(map[ID]*entry), calls: make(calls), budget: newBudget(),
	}
}

// run drains until the recorder stops.
func (d *drain) run() {
	d.now = time.Now()
	d.resume()
	timer := time.NewTimer(d.nap())
	defer timer.Stop()
	for {
		select {
		case <-d.r.stop:
			d.batch()
			d.settle(true)
			d.store.end(d.now)
			d.publish()
			return
		case <-d.r.wake:
			if d.r.waiting() >= bufferBytes/2 {
				d.batch()
			}
		case a := <-d.r.asks:
			d.batch()
			d.settle(true)
			d.store.flush(d.now)
			a.segments = d.store.list()
			close(a.done)
		case <-timer.C:
			d.batch()
			d.tidy()
		}
		d.publish()
		timer.Reset(d.nap())
	}
}

// nap is until when the drain sleeps.
func (d *drain) nap() time.Duration {
	if !d.r.sleep() {
		return drainEvery
	}
	if d.lists[waiting].n+d.lists[over].n+len(d.dirty) > 0 {
		return tidyEvery
	}
	return pruneEvery
}

func (d *drain) publish() {
	s := d.stats
	s.Live = d.lists[live].n
	s.LostMessages, s.LostCases, s.Disk = d.store.lostMessages, d.store.lostCases, d.store.bytes()
	d.r.stats.Store(&s)
}

// batch takes all that has come.
func (d *drain) batch() {
	d.r.setClock()
	d.now = time.Now()
	full := d.r.swap(d.spare)
	for b := full; len(b) > recordHeader; {
		n := 4 + int(binary.BigEndian.Uint32(b))
		rec := b[recordHeader:n]
		switch b[4] {
		case recMessage:
			d.message(rec)
		case recDecided:
			d.decided(rec)
		case recEnded:
			d.ended(rec)
		case recAsked:
			d.drop(d.calls[binary.BigEndian.Uint64(rec)].oldestWaiting(d.hash(rec[8:])))
		case recRefused:
			d.refused(rec)
		}
		b = b[n:]
	}
	d.keepHeld()
	d.spare = full[:0]
	for _, s := range [...]state{waiting, over, live} {
		for d.memory > d.r.cfg.MaxMemory && d.lists[s].first != nil {
			d.free(d.lists[s].first)
		}
	}
}

// message brings a message to its case.
func (d *drain) message(rec []byte) {
	s, m := skimRecord(rec)
	q := asked{skimmed: &s, in: m.in(), end: d.hash(m.remote())}
	hash := d.hash(s.callID)
	e := d.pick(d.calls[hash], &q)
	if e == nil && q.in && s.request && !s.late {
		e = d.begin(hash, &q, m.at())
	}
	if e == nil {
		d.stats.Unclaimed++
		return
	}
	e.learn(q.end)
	if !q.in && s.request && !s.inside && !s.late {
		e.tried = m.to()
	}
	d.add(e, m)
}

func (d *drain) hash(b []byte) uint64 { return maphash.Bytes(d.r.seed, b) }

// begin makes the case of a request that is yet to be decided.
func (d *drain) begin(hash uint64, q *asked, at int64) *entry {
	e := d.fresh()
	e.branch, e.inside, e.began, e.touched = d.hash(q.top()), q.inside, at, at
	d.calls.add(&e.links[0], hash, e)
	if len(q.callID) > 0 && !q.inside && d.r.cfg.AppendFar != nil {
		d.far = d.r.cfg.AppendFar(d.far[:0], q.callID, q.fromTag)
		if far := d.hash(d.far); far != hash {
			d.calls.add(&e.links[1], far, e)
		}
	}
	d.lists[waiting].add(e)
	d.memory += e.bytes()
	return e
}

// fresh gives an entry as it is made.
func (d *drain) fresh() *entry {
	e := d.unused
	if e == nil {
		return new(entry)
	}
	d.unused = e.after
	d.spares--
	*e = entry{decided: e.decided[:0], ending: e.ending[:0], later: e.later[:0], held: e.held[:0]}
	return e
}

// add keeps a message of a case: at once, or when that is decided.
func (d *drain) add(e *entry, m said) {
	e.messages++
	e.touched = m.at()
	switch {
	case e.mute:
		return
	case e.kept >= mostMessages:
		d.stats.Surplus++
		return
	}
	e.kept++
	if e.state != waiting {
		d.write(e, m)
		return
	}
	if len(e.held) == e.owned {
		d.holding = append(d.holding, e)
	}
	e.held = append(e.held, m)
}

func (d *drain) write(e *entry, m said) {
	at, ok := d.store.message(d.now, e.id, e.last, m)
	if !ok {
		return
	}
	e.last = at
	d.stats.Messages++
	d.mark(e)
}

func (d *drain) mark(e *entry) {
	if !e.dirty {
		e.dirty = true
		d.dirty = append(d.dirty, e)
	}
}

// keepHeld copies what waits for its verdict longer than the batch is there.
func (d *drain) keepHeld() {
	for _, e := range d.holding {
		if e.freed || e.state != waiting {
			continue
		}
		for ; e.owned < len(e.held); e.owned++ {
			e.held[e.owned] = append([]byte(nil), e.held[e.owned]...)
			d.held += len(e.held[e.owned])
		}
	}
	clear(d.holding)
	d.holding = d.holding[:0]
	for d.held > mostHeld && d.lists[waiting].first != nil {
		d.free(d.lists[waiting].first)
	}
}

// decided joins a verdict with the request that it is about.
func (d *drain) decided(rec []byte) {
	id, hash := ID(rec), binary.BigEndian.Uint64(rec[12:])
	var ev event
	rec = rec[eventHeader:]
	if _, ok := readEvent(rec, &ev); !ok {
		return
	}
	end := d.hash(ev.fixed[58:76])
	e := d.calls[hash].oldestWaiting(end)
	if d.cases[id] != nil { // a retransmission, decided again
		d.drop(e)
		return
	}
	wish := d.budget.wish(&ev, d.now)
	if wish == wishNothing {
		if ev.is(flagRefused) {
			d.stats.Unkept++
		}
		d.drop(e)
		return
	}
	if e == nil { // its message was lost
		e = d.begin(hash, &asked{skimmed: &skimmed{}, end: end}, ev.started())
	}
	e.id, e.customer = id, ev.customer()
	e.mute = wish == wishDecision || ev.is(flagSilent)
	e.silence = ev.status() < 0
	d.keep(e, rec, ev.ended() == 0 && string(ev.texts[textMethod]) == "INVITE")
	d.tell(e)
}

// keep makes a request that waited a case.
func (d *drain) keep(e *entry, decided []byte, lives bool) {
	d.cases[e.id] = e
	d.memory -= e.bytes()
	e.decided = append(e.decided[:0], decided...)
	d.memory += e.bytes()
	e.inside = false
	if lives {
		d.move(e, live)
	} else {
		d.move(e, over)
	}
	d.stats.Cases++
	d.mark(e)
	for _, m := range e.held {
		if !e.mute {
			d.write(e, m)
		}
	}
	d.letGo(e)
}

// letGo forgets the messages that waited.
func (d *drain) letGo(e *entry) {
	for _, m := range e.held[:e.owned] {
		d.held -= len(m)
	}
	clear(e.held)
	e.held, e.owned = e.held[:0], 0
}

func (d *drain) move(e *entry, to state) {
	d.lists[e.state].remove(e)
	e.state = to
	d.lists[to].add(e)
}

// ended notes how a call was.
func (d *drain) ended(rec []byte) {
	id, hash := ID(rec), binary.BigEndian.Uint64(rec[12:])
	rec = rec[eventHeader:]
	n := int(binary.BigEndian.Uint16(rec))
	brief, full := rec[2:2+n], rec[2+n:]
	e := d.cases[id]
	if e == nil { // its decision was lost, or another process made it
		var ev event
		if _, ok := readEvent(full, &ev); !ok {
			return
		}
		e = d.begin(hash, &asked{skimmed: &skimmed{}}, d.now.UnixNano())
		e.id, e.customer, e.mute = id, ev.customer(), ev.is(flagSilent)
		d.keep(e, nil, false)
		brief = full
	}
	d.memory -= e.bytes()
	e.ending = append(e.ending[:0], brief...)
	d.memory += e.bytes()
	e.touched = max(e.touched, d.now.UnixNano())
	d.move(e, over)
	d.mark(e)
	d.tell(e)
}

// tell tells whoever watches what is known of a case.
func (d *drain) tell(e *entry) {
	if !d.r.watching.some.Load() {
		return
	}
	w := d.written(e)
	c := storedCase{written: w, at: d.now.UnixNano()}
	if c.read() {
		decision := c.decision(d.r.sentences)
		d.r.watching.tell(&decision)
	}
}

// drop forgets a request that nothing is kept of; nil is none.
func (d *drain) drop(e *entry) {
	if e != nil {
		d.stats.Unclaimed += uint64(e.messages)
		d.free(e)
	}
}

// free forgets a case; what is known of it is written before.
func (d *drain) free(e *entry) {
	if e.dirty && e.state != waiting {
		d.writeCase(e)
	}
	d.letGo(e)
	d.lists[e.state].remove(e)
	d.memory -= e.bytes()
	for i := range e.links {
		d.calls.remove(&e.links[i])
	}
	if d.cases[e.id] == e {
		delete(d.cases, e.id)
	}
	e.freed, e.dirty = true, false
	if d.spares < mostSpare {
		e.after, d.unused = d.unused, e
		d.spares++
	}
}

func (d *drain) written(e *entry) written {
	return written{id: e.id, lives: e.state == live, last: e.last, messages: e.messages, tried: e.tried, decided: e.decided, ending: e.ending, later: e.later}
}

func (d *drain) writeCase(e *entry) {
	w := d.written(e)
	at, ok := d.store.write(d.now, &w, e.place)
	if ok {
		e.place = at
	}
	e.writtenAt, e.dirty = d.now, false
}

// settle writes the cases of which more is known; without all those that go on wait their turn.
func (d *drain) settle(all bool) {
	left := d.dirty[:0]
	for _, e := range d.dirty {
		switch {
		case !e.dirty:
		case !all && e.state == live && d.now.Sub(e.writtenAt) < rewriteAfter:
			left = append(left, e)
		default:
			d.writeCase(e)
		}
	}
	clear(d.dirty[len(left):])
	d.dirty = left
}

// tidy writes what has changed, and forgets cases that are over; once a second.
func (d *drain) tidy() {
	if d.now.Sub(d.tidied) < tidyEvery {
		return
	}
	d.tidied = d.now
	now := d.now.UnixNano()
	for _, s := range [...]state{waiting, over} {
		for e := d.lists[s].first; e != nil; {
			next := e.after
			if e.expired(now) {
				d.stats.Unclaimed += uint64(len(e.held))
				d.free(e)
			}
			e = next
		}
	}
	for e := d.lists[live].first; e != nil && e.expired(now); e = d.lists[live].first {
		d.move(e, over)
		d.mark(e)
	}
	d.settle(false)
	d.budget.refill()
	d.store.flush(d.now)
	d.store.prune(d.now)
}

// resume takes up the calls of an earlier process, and closes those that did not outlive it.
func (d *drain) resume() {
	for _, i := range d.store.list() {
		f, err := readCases(&i, nil)
		if err != nil {
			continue
		}
		f.each(func(c *storedCase) bool {
			if !c.lives {
				return true
			}
			d.takeUp(c)
			return true
		})
	}
}

func (d *drain) takeUp(c *storedCase) {
	if d.cases[c.id] != nil || len(c.decided) == 0 {
		return
	}
	e := &entry{
		id: c.id, customer: c.event.customer(), mute: c.event.is(flagSilent), began: c.event.started(), touched: d.now.UnixNano(),
		messages: c.messages, kept: c.messages, last: c.last, tried: c.tried, place: c.place, state: live, writtenAt: d.now,
		decided: append([]byte(nil), c.decided...), later: append([]byte(nil), c.later...),
	}
	eachLater(e.later, func(*later) bool { e.laterN++; return true })
	e.learn(d.hash(c.event.fixed[58:76]))
	d.cases[e.id] = e
	d.calls.add(&e.links[0], d.hash(c.event.texts[textCallID]), e)
	d.lists[live].add(e)
	d.memory += e.bytes()
	if d.r.cfg.Lives == nil || !d.r.cfg.Lives(c.id) {
		d.move(e, over)
		d.writeCase(e)
		d.free(e)
	}
}
