package transport

import (
	"bufio"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// filesEvery is how often, at most, a lookup looks whether the files changed.
const filesEvery = 5 * time.Second

// files are what the machine itself says of names.
type files struct {
	resolvConf, hosts string

	mu         sync.Mutex // guards all below
	next       time.Time
	confState  fileState
	hostsState fileState
	conf       *dns.ClientConfig
	names      map[string][]netip.Addr
}

// look reads what has changed.
func (f *files) look(now time.Time) {
	if now.Before(f.next) && f.conf != nil {
		return
	}
	f.next = now.Add(filesEvery)
	if s := stateOf(f.resolvConf); s != f.confState || f.conf == nil {
		f.confState = s
		conf, err := dns.ClientConfigFromFile(f.resolvConf)
		if err != nil || len(conf.Servers) == 0 { // resolv.conf(5)
			conf = &dns.ClientConfig{Servers: []string{"127.0.0.1"}, Port: "53", Ndots: 1}
		}
		f.conf = conf
	}
	if s := stateOf(f.hosts); s != f.hostsState || f.names == nil {
		f.hostsState, f.names = s, readHosts(f.hosts)
	}
}

// servers are the DNS servers.
func (f *files) servers(now time.Time) []netip.AddrPort {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look(now)
	port, err := strconv.ParseUint(f.conf.Port, 10, 16)
	if err != nil {
		port = 53
	}
	var out []netip.AddrPort
	for _, s := range f.conf.Servers {
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.AddrPortFrom(a, uint16(port)))
		}
	}
	return out
}

// absolute gives the names that a host may mean, by the search list.
func (f *files) absolute(host string, now time.Time) []string {
	host = strings.ToLower(host)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look(now)
	if strings.HasSuffix(host, ".") || strings.Count(host, ".") >= f.conf.Ndots {
		return []string{dns.Fqdn(host)}
	}
	return f.conf.NameList(host)
}

// addresses are those that the hosts file has for a name. localhost needs no file
// (RFC 6761 6.3).
func (f *files) addresses(host string, now time.Time) []netip.Addr {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look(now)
	if list := f.names[host]; len(list) > 0 {
		return list
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	return nil
}

func readHosts(name string) map[string][]netip.Addr {
	names := make(map[string][]netip.Addr)
	file, err := os.Open(name)
	if err != nil {
		return names
	}
	defer file.Close() // only read
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		a, err := netip.ParseAddr(words[0])
		if err != nil {
			continue
		}
		for _, host := range words[1:] {
			host = strings.ToLower(host)
			if len(names[host]) < maxAddresses {
				names[host] = append(names[host], a.Unmap())
			}
		}
	}
	return names
}
