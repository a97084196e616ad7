package main

import (
	_ "embed" // the peer's configuration
	"errors"
	"fmt"
	"os"
	"time"
)

//go:embed kamailio-register.cfg
var kamailioRegisterConfig string

// registerRate is how fast all phones register before anything is measured.
const registerRate = 1500

// measureRegister has phones refresh through each peer in turn, at a registrar that
// grants at once. All have registered before, so that every REGISTER is a refresh.
func (b *bench) measureRegister(r *report, stop <-chan os.Signal) error {
	phones, registrar, err := b.startPhones()
	if err != nil {
		return err
	}
	defer phones.close()
	defer registrar.close()
	var peers []*peer
	for _, p := range r.peers {
		if p.relay == nil {
			continue
		}
		relay := &peer{name: p.name, label: p.label, addr: p.addr, start: p.relay}
		if err := b.ensure(relay); err != nil {
			return err
		}
		all := sample{Peer: p.name, Rate: registerRate}
		if err := b.refresh(&all, relay, phones, registrar, b.phones); err != nil {
			return fmt.Errorf("%s: the first REGISTERs: %w", p.name, err)
		}
		peers = append(peers, relay)
	}
	return b.takeTurns(&r.registers, peers, "REGISTER", stop, func(s *sample, p *peer) error {
		return b.refresh(s, p, phones, registrar, s.Rate*b.registerSeconds)
	})
}

// startPhones starts both sides of the registering parts.
func (b *bench) startPhones() (*phones, *registrar, error) {
	registrar, err := startRegistrar(b.answer)
	if err != nil {
		return nil, nil, err
	}
	phones, err := startPhones(b.callerPort)
	if err != nil {
		registrar.close()
		return nil, nil, err
	}
	return phones, registrar, nil
}

// refresh sends n REGISTERs through a peer and fills the sample. One that is not
// answered, or sent again by the peer, makes it void.
func (b *bench) refresh(s *sample, p *peer, phones *phones, registrar *registrar, n int) error {
	before, err := p.cpu()
	if err != nil {
		return err
	}
	registrar.expect(phones.cseq+1, n)
	if err := phones.register(p.addr, b.phones, n, s.Rate); err != nil {
		return err
	}
	granted, again := phones.settle(2 * time.Second)
	after, err := p.cpu()
	if err != nil {
		return err
	}
	spent, err := after.since(before)
	if err != nil {
		return err
	}
	s.PerCall = spent / time.Duration(n)
	asked, repeated := registrar.counts()
	s.Result = loadResult{Calls: n, Answered: asked, Failed: n - granted, Retrans: again + repeated}
	switch status := phones.refusal(); {
	case status != 0:
		return fmt.Errorf("%d of %d REGISTERs without a 200, one was answered %d", n-granted, n, status)
	case granted != n:
		return fmt.Errorf("%d of %d REGISTERs without an answer", n-granted, n)
	case asked != n:
		return fmt.Errorf("%d of %d REGISTERs came to the registrar", asked, n)
	case s.Result.Retrans > 0:
		return errors.New("a REGISTER or its answer was sent again")
	}
	return nil
}
