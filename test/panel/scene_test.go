package panel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// scene is a node with two companies' customers, their PBXs, and people who log in.
type scene struct {
	t       testing.TB
	node    *harness.Node
	key     string            // of the platform
	pbx     map[string]*pbx   // by name
	callers map[string]*phone // by name
	crowd   crowd
	last    *peer.Message // the latest final answer
	tags    int
	wire    *wire
	sippPBX map[string]netip.AddrPort // by name
	sources map[string]netip.Addr     // SIPp's callers, by name
	company int64                     // whose customers they are
	calm    int64                     // the customer Calm's id, whose calls are up all the time
	portal  int64                     // the customer Portal's
}

// password is everybody's; each logs in as ROLE@panel.example.
const password = "Correct-Horse-Battery-1"

func newScene(t *testing.T) *scene {
	w := newWire(t)
	node := harness.Start(t, harness.Settings{Bannable: true, Config: w.settings()})
	s := &scene{t: t, node: node, wire: w, pbx: map[string]*pbx{}, callers: map[string]*phone{}}
	s.key = strings.TrimSpace(s.node.Must(t, "api-keys", "create", "scene", "--access", "admin").Stdout)
	for _, name := range []string{"calm", "portal", "crowd", "east", "west", "moody"} {
		s.pbx[name] = newPBX(t, name)
	}
	s.sippPBX, s.sources = sippPBXs(s), map[string]netip.Addr{}
	s.node.Apply(t,
		harness.Customer{
			Name: "Calm", Domains: []string{"calm.example"}, Destinations: []harness.Destination{{Name: "calm-pbx", Addr: s.pbx["calm"].ua.Addr()}},
			Extra: "country_code: \"39\"\nantifraud: {invite: 50, register: 3, options: 20}\n",
		},
		harness.Customer{
			Name: "Portal", Domains: []string{"portal.example"}, Destinations: []harness.Destination{{Name: "portal-pbx", Addr: s.pbx["portal"].ua.Addr()}},
			Extra: "registration: local\ncall_limit: 3\ncountry_code: \"39\"\nblocklist:\n  - {prefix: \"899\"}\n",
		})
	s.calm, s.portal = s.idOf("customers", "Calm"), s.idOf("customers", "Portal")
	s.company = s.idOf("companies", "Black Box")
	for _, u := range []map[string]any{
		{"email": "platform@panel.example", "name": "Paola", "role": "platform", "access": "admin"},
		{"email": "company@panel.example", "name": "Carlo", "role": "company", "access": "admin", "company_id": s.company},
		{"email": "reader@panel.example", "name": "Rosa", "role": "platform", "access": "read-only"},
		{"email": "customer@panel.example", "name": "Piero", "role": "customer", "access": "admin", "customer_id": s.portal},
		{"email": "idle@panel.example", "name": "Ida", "role": "platform", "access": "operator"},
		{"email": "throttled@panel.example", "name": "Tina", "role": "platform", "access": "operator"},
	} {
		u["password"] = password
		s.api("POST", "/users", u)
	}
	for range 3 { // some calls that are up
		s.place(&wish{Source: "calm-caller", URI: "sip:0401234567@calm.example", Hold: true})
	}
	return s
}

// env is what the browser's tests know of the scene.
func (s *scene) env() []string {
	places := map[string]any{}
	for name, p := range s.pbx {
		places[name] = map[string]any{"host": p.ua.IP(), "port": p.ua.Port()}
	}
	sipp := map[string]any{}
	for name, at := range s.sippPBX {
		sipp[name] = map[string]any{"host": at.Addr(), "port": at.Port()}
	}
	text, err := json.Marshal(map[string]any{
		"url": "http://" + s.node.HTTP, "wire": s.wire.url(), "password": password, "key": s.key, "company": s.company, "calm": s.calm, "portal": s.portal, "pbx": places, "sipp": sipp,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return []string{"SCENE=" + string(text)}
}

// api does an operation that must work, as the platform.
func (s *scene) api(method, path string, body any) (answer map[string]any) {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.node.HTTP+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	told, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		s.t.Fatalf("%s %s: %s %v\n%s", method, path, resp.Status, err, told)
	}
	if len(told) > 0 {
		if err := json.Unmarshal(told, &answer); err != nil {
			s.t.Fatalf("%s %s: %v\n%s", method, path, err, told)
		}
	}
	return answer
}

func (s *scene) idOf(noun, name string) int64 {
	s.t.Helper()
	for _, item := range s.api("GET", "/"+noun+"?q="+strings.ReplaceAll(name, " ", "+"), nil)["items"].([]any) {
		if one := item.(map[string]any); one["name"] == name {
			return int64(one["id"].(float64))
		}
	}
	s.t.Fatalf("no %s named %s", noun, name)
	return 0
}

// caller is a phone of that name, always on the same address.
func (s *scene) caller(name string) *phone {
	p := s.callers[name]
	if p == nil {
		p = newPhone(s.t)
		p.ua.Edge = s.node.Addr("udp", netip.MustParseAddr(p.ua.IP()))
		s.callers[name] = p
	}
	return p
}

// phone calls, registers, and takes the texts and the ends of calls that others send it.
type phone struct {
	ua     *peer.UA
	finals <-chan *peer.Message // final answers
	byes   <-chan *peer.Message
	texts  <-chan string
}

func newPhone(t testing.TB) *phone {
	finals, byes, texts := make(chan *peer.Message, plenty), make(chan *peer.Message, plenty), make(chan string, plenty)
	p := &phone{ua: peer.New(t, "udp", harness.IP(t)), finals: finals, byes: byes, texts: texts}
	p.ua.Handle(func(m *peer.Message) bool {
		switch {
		case m.Status >= 200:
			finals <- m
			return false // whoever waits for it sees it, too
		case m.Method == "BYE":
			byes <- m
		case m.Method == "MESSAGE":
			texts <- m.Body
		default:
			return false
		}
		p.ua.Replies(m, 200)
		return true
	})
	return p
}

// all gives what waits in a channel.
func all[T any](c <-chan T) (got []T) {
	for {
		select {
		case one := <-c:
			got = append(got, one)
		default:
			return got
		}
	}
}

// plenty is more than an endpoint hears in all the tests: it must never wait for who reads what it heard.
const plenty = 1 << 16

// pbx answers every call by itself, with the status that it is told to.
type pbx struct {
	name string
	ua   *peer.UA
	told chan<- int
	said <-chan string
	byes <-chan *peer.Message
}

// newPBX makes one that answers. Its handler runs on the endpoint's own goroutine and is told by channels.
func newPBX(t testing.TB, name string) *pbx {
	told, said, byes := make(chan int, 1), make(chan string, plenty), make(chan *peer.Message, plenty)
	p := &pbx{name: name, ua: peer.New(t, "udp", harness.IP(t)), told: told, said: said, byes: byes}
	status := 200
	p.ua.Handle(func(m *peer.Message) bool {
		select {
		case status = <-told:
		default:
		}
		switch {
		case m.Method == "" || m.Method == "ACK" || status == 0:
		case m.Method == "INVITE" && m.Tag("To") == "":
			said <- fmt.Sprintf("%s %s %s", m.Get("Call-ID"), m.URI, m.Get("User-Agent"))
			if status == 200 {
				p.ua.Replies(m, 200, peer.SDP(p.ua, 1), peer.With("Contact", "<"+p.ua.URI(name)+">"))
			} else {
				p.ua.Replies(m, status)
			}
		default:
			if m.Method == "BYE" {
				byes <- m
			}
			p.ua.Replies(m, 200)
		}
		return true
	})
	return p
}

// took is how many calls it got since it was last asked.
func (p *pbx) took() int { return len(all(p.said)) }
