package auth

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

const (
	trunkUser  = "trunk-4711"
	trunkRealm = "carrier.example"
	seed       = 5
)

// TestSecrets: whatever happens in whatever order, no password, nothing that is as good as one and
// no answer to a challenge stands in anything that the node writes for people or tells them. What
// shows a generated password once is no part of that.
func TestSecrets(t *testing.T) {
	n := harness.Start(t)
	k := &keeper{scene: play(t, n, ""), random: rand.New(rand.NewPCG(seed, seed)), passwords: map[string]string{}, told: map[string]string{}}
	k.carrier = k.Peer(udp())
	k.key = strings.TrimSpace(n.Must(t, "api-keys", "create", "keeper", "--access", "admin").Stdout)
	ended := k.watches()
	k.passwords["1001"], k.passwords["1002"] = k.fresh(), k.fresh()
	k.applies()
	steps := []func(){
		k.registersRight, k.registersWrong, k.callsRight, k.callsWrong, k.callsOut, k.resets, k.resetsBadly, k.generates,
		k.applies, k.appliesBadly, k.imports, k.importsBadly, k.logsIn,
	}
	for range 3 { // each of them, in another order each time
		for _, i := range k.random.Perm(len(steps)) {
			steps[i]()
		}
	}
	k.commands()
	k.unpacks()
	k.operations()
	k.told["events"] = ended()
	k.search()
}

// keeper knows all secrets of a customer, and keeps all that is told of him.
type keeper struct {
	*scene
	random    *rand.Rand
	carrier   *peer.UA
	key       string            // of the API
	passwords map[string]string // of the users
	secrets   []string          // passwords, also those of before
	hidden    []string          // what follows from them
	raw       []string          // the hashes themselves
	calls     []string          // Call-IDs
	told      map[string]string // by who told it
}

// fresh makes a password.
func (k *keeper) fresh() string {
	p := fmt.Sprintf("Pw-%08x-%08x!", k.random.Uint32(), k.random.Uint32())
	k.secrets = append(k.secrets, p)
	return p
}

func (k *keeper) anyone() string { return []string{"1001", "1002"}[k.random.IntN(2)] }

// notes keeps what somebody was told.
func (k *keeper) notes(who, text string) { k.told[who] += text + "\n" }

// proof keeps the answer that stands in a request's credentials.
func (k *keeper) proof(m *peer.Message) {
	for _, header := range []string{"Authorization", "Proxy-Authorization"} {
		for _, value := range headers(m, header) {
			if _, after, found := strings.Cut(value, `response="`); found {
				response, _, _ := strings.Cut(after, `"`)
				k.hidden = append(k.hidden, response)
			}
		}
	}
}

func (k *keeper) register(name, password string, status int) {
	k.Helper()
	r := k.Caller.Registers(name, k.Domain)
	r.Ask(60)
	k.proof(r.Ask(60, digest{user: name, password: password}.to(r.Expect(401))))
	r.Expect(status)
}

func (k *keeper) registersRight() {
	name := k.anyone()
	k.register(name, k.passwords[name], 200)
}

func (k *keeper) registersWrong() { k.register(k.anyone(), k.fresh(), 401) }

// call is one of a user to a number; it gives the call as it stands after the password.
func (k *keeper) call(number, name, password string) *peer.Call {
	k.Helper()
	c := k.Caller.Invite("sip:"+number+"@"+k.Domain, k.from(name))
	challenge := c.Expect(407)
	k.proof(c.Request("INVITE", k.from(name), digest{user: name, password: password}.to(challenge)))
	k.calls = append(k.calls, c.ID)
	return c
}

func (k *keeper) callsRight() {
	name := k.anyone()
	k.busy(k.call("bob", name, k.passwords[name]))
}

func (k *keeper) callsWrong() { k.call("bob", k.anyone(), k.fresh()).Expect(407) }

// callsOut: by a carrier that asks us for a password.
func (k *keeper) callsOut() {
	name := k.anyone()
	c := k.call("390401111", name, k.passwords[name])
	b := k.carrier.Accept("INVITE")
	b.Answer(401, peer.Challenge(trunkRealm, "SHA-256"))
	b.Expect("ACK")
	b = b.AcceptAgain("INVITE")
	k.proof(b.Incoming())
	b.Answer(486)
	c.Expect(486)
	b.Expect("ACK")
}

// file is the customer, his users with the passwords that they have.
func (k *keeper) file() string {
	c := k.Customer
	c.Extra = fmt.Sprintf("registration: local\ncountry_code: \"39\"\nswitches:\n  - {name: carrier, direction: ingress, host: %q, port: %d, dial_pattern: raw, username: %s, password: %q, realm: %s}\n"+
		"dids:\n  - {number: \"390401111\", switch: carrier}\nsip_users:\n", k.carrier.IP(), k.carrier.Port(), trunkUser, k.fresh(), trunkRealm)
	for _, name := range []string{"1001", "1002"} {
		c.Extra += user(name, k.passwords[name])
	}
	return harness.Tenants(c)
}

func (k *keeper) applies() {
	k.passwords["1002"] = k.fresh()
	r := k.Node.TryApply(k.T, k.file(), "--overwrite")
	if k.notes("apply", r.Stdout+r.Stderr); r.Code != 0 {
		k.Error(r)
	}
}

func (k *keeper) appliesBadly() {
	text := strings.Replace(k.file(), "realm: "+trunkRealm, "relam: "+trunkRealm, 1)
	r := k.Node.TryApply(k.T, text, "--overwrite")
	if k.notes("a file that is refused", r.Stdout+r.Stderr); r.Code != 1 {
		k.Error(r)
	}
}

// imported runs an import of one user.
func (k *keeper) imported(code int, header, line string) {
	k.Helper()
	file := filepath.Join(k.TempDir(), "users.csv")
	if err := os.WriteFile(file, []byte(header+"\n"+line+"\n"), 0o600); err != nil {
		k.Fatal(err)
	}
	r := k.Node.Command(k.T, "import", "users", file, "--customer", k.Customer.Name)
	if k.notes("import", r.Stdout+r.Stderr); r.Code != code {
		k.Error(r)
	}
}

func (k *keeper) imports() {
	k.imported(0, "username,password", fmt.Sprintf("2%03d,%s", k.random.IntN(1000), k.fresh()))
}

func (k *keeper) importsBadly() {
	k.imported(1, "username,password,channels", fmt.Sprintf("2%03d,%s,many", k.random.IntN(1000), k.fresh()))
}

// api asks for something, and keeps the answer unless it is to show a password.
func (k *keeper) api(method, path, body string) (int, string) {
	k.Helper()
	r, err := http.NewRequestWithContext(k.Context(), method, "http://"+k.Node.HTTP+path, strings.NewReader(body))
	if err != nil {
		k.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+k.key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		k.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		k.Fatal(err)
	}
	if body != "{}" {
		k.notes(method+" "+path, string(text))
	}
	return resp.StatusCode, string(text)
}

// ids are those of a list.
func (k *keeper) ids(path string) (ids []string) {
	k.Helper()
	var list struct {
		Items []struct {
			ID       any
			Username string
		}
	}
	status, text := k.api("GET", path, "")
	if decoder := json.NewDecoder(strings.NewReader(text)); status == http.StatusOK {
		decoder.UseNumber()
		_ = decoder.Decode(&list) // what is no list has no ids
	}
	for _, item := range list.Items {
		if item.Username == "" || item.Username == "1001" || item.Username == "1002" {
			ids = append(ids, fmt.Sprint(item.ID))
		}
	}
	return ids
}

// reset sets the password of the user 1001.
func (k *keeper) reset(status int, body string) string {
	k.Helper()
	got, text := k.api("POST", "/api/v1/sip-users/"+k.ids("/api/v1/sip-users?q=1001")[0]+"/password", body)
	if got != status {
		k.Errorf("%d: %s", got, text)
	}
	return text
}

func (k *keeper) resets() {
	p := k.fresh()
	k.reset(http.StatusOK, `{"password": "`+p+`"}`)
	k.passwords["1001"] = p
}

func (k *keeper) resetsBadly() {
	k.secrets = append(k.secrets, "Sh0rt!")
	k.reset(http.StatusUnprocessableEntity, `{"password": "Sh0rt!"}`)
	k.reset(http.StatusUnprocessableEntity, `{"password": "`+k.fresh()+`", "passwrod": "`+k.fresh()+`"}`)
	k.reset(http.StatusBadRequest, `{"password": "`+k.fresh())
}

func (k *keeper) generates() {
	var made struct{ Password string }
	if err := json.Unmarshal([]byte(k.reset(http.StatusOK, `{}`)), &made); err != nil || made.Password == "" {
		k.Fatalf("%v: %+v", err, made)
	}
	k.secrets = append(k.secrets, made.Password)
	k.passwords["1001"] = made.Password
}

// logsIn: somebody whom the panel does not know.
func (k *keeper) logsIn() {
	k.api("POST", "/api/v1/session", `{"email": "nobody@`+k.Domain+`", "password": "`+k.fresh()+`"}`)
}

// watches keeps all events until its end.
func (k *keeper) watches() (end func() string) {
	k.Helper()
	ctx, cancel := context.WithCancel(k.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+k.Node.HTTP+"/api/v1/events", nil)
	if err != nil {
		k.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+k.key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		k.Fatal(err)
	}
	all := make(chan string, 1)
	go func() {
		defer resp.Body.Close()
		var text bytes.Buffer
		_, _ = io.Copy(&text, resp.Body)
		all <- text.String()
	}()
	return func() string {
		cancel()
		return <-all
	}
}

// commands runs all that list something, and those that tell of a call.
func (k *keeper) commands() {
	k.Helper()
	lists := [][]string{{"why", "1001"}, {"why", k.Domain}}
	for _, name := range []string{"export", "calls", "cdrs", "bindings", "destinations", "firewall", "blocklist", "antifraud", "bans", "limits", "decisions", "strangers"} {
		lists = append(lists, []string{name}, []string{name, "-o", "json"})
	}
	for i, id := range k.calls {
		pcap := filepath.Join(k.TempDir(), strconv.Itoa(i)+".pcap")
		lists = append(lists, []string{"why", id}, []string{"trace", id}, []string{"trace", id, "--pcap", pcap})
	}
	for _, args := range lists {
		r := k.Node.Command(k.T, args...)
		k.notes(args[0], r.Stdout+r.Stderr)
		if i := len(args) - 1; strings.HasSuffix(args[i], ".pcap") {
			text, err := os.ReadFile(args[i])
			if err != nil || !bytes.Contains(text, []byte("INVITE sip:")) {
				k.Errorf("no capture of %s: %v", args[1], err)
			}
			k.notes("pcap", string(text))
		}
	}
}

// unpacks looks into a backup, which has the sealing key and, sealed with it, what all else must not tell.
func (k *keeper) unpacks() {
	k.Helper()
	path := filepath.Join(k.TempDir(), "b.tar.gz")
	r := k.Node.Must(k.T, "backup", path)
	k.notes("backup", r.Stdout+r.Stderr)
	file, err := os.Open(path)
	if err != nil {
		k.Fatal(err)
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		k.Fatal(err)
	}
	for archive := tar.NewReader(packed); ; {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			k.Fatal(err)
		}
		if content, err := io.ReadAll(archive); err != nil {
			k.Fatal(err)
		} else if len(content) > 0 && filepath.Base(h.Name) != "secrets.key" {
			k.told["backup: "+h.Name] = string(content)
		}
	}
	if !strings.Contains(k.told["backup: tollgate.db"], k.Domain) {
		k.Error("the backup's database does not even name the domain")
	}
}

// operations reads all that the API has to tell: each list, and what belongs to its first items.
func (k *keeper) operations() {
	k.Helper()
	var description struct{ Paths map[string]map[string]any }
	_, text := k.api("GET", "/api/openapi.json", "")
	if err := json.Unmarshal([]byte(text), &description); err != nil {
		k.Fatal(err)
	}
	read := 0
	for path, methods := range description.Paths {
		if methods["get"] == nil || strings.HasSuffix(path, "/events") {
			continue
		}
		before, after, one := strings.Cut(path, "/{")
		if _, after, _ = strings.Cut(after, "}"); !one {
			k.api("GET", path, "")
			read++
			continue
		}
		for i, id := range k.ids(before) {
			if i == 5 || strings.Contains(after, "{") {
				break
			}
			k.api("GET", before+"/"+id+after, "")
			read++
		}
	}
	if read < 50 || !strings.Contains(k.told["GET /api/v1/sip-users"], `"1001"`) || !strings.Contains(k.told["GET /api/v1/audit"], "password") {
		k.Errorf("%d operations were read, and not what matters", read)
	}
	metrics, err := http.Get("http://" + k.Node.Metrics + "/metrics")
	if err != nil {
		k.Fatal(err)
	}
	defer metrics.Body.Close()
	all, _ := io.ReadAll(metrics.Body)
	k.notes("metrics", string(all))
}

// search looks for everything in everything.
func (k *keeper) search() {
	k.Helper()
	log, err := os.ReadFile(k.Node.LogFile())
	if err != nil {
		k.Fatal(err)
	}
	k.told["log"] = string(log)
	sealing, err := os.ReadFile(filepath.Join(k.Node.Dir, "data", "secrets.key"))
	if err != nil {
		k.Fatal(err) // the keys of nonces are sealed with it
	}
	k.hidden = append(k.hidden, encoded(bytes.TrimSpace(sealing))...)
	k.hidden = append(k.hidden, string(bytes.TrimSpace(sealing)))
	for _, p := range k.secrets {
		k.hidden = append(k.hidden, p)
		for _, text := range []string{"1001:" + k.Domain + ":" + p, "1002:" + k.Domain + ":" + p, trunkUser + ":" + trunkRealm + ":" + p} {
			short, long, other := md5.Sum([]byte(text)), sha256.Sum256([]byte(text)), sha512.Sum512_256([]byte(text))
			k.raw = append(k.raw, string(short[:]), string(long[:]), string(other[:]))
			k.hidden = append(append(append(k.hidden, encoded(short[:])...), encoded(long[:])...), encoded(other[:])...)
		}
	}
	for who, text := range k.told {
		for _, h := range k.raw {
			if strings.Contains(text, h) {
				k.Errorf("%s holds a hash, byte by byte", who)
			}
		}
		if text = strings.ToLower(text); text == "" {
			k.Errorf("%s told nothing", who)
		}
		for _, h := range k.hidden {
			if strings.Contains(text, strings.ToLower(h)) {
				k.Errorf("%s tells %q", who, h)
			}
		}
	}
}

// encoded are the ways in which bytes are written.
func encoded(b []byte) []string {
	return []string{hex.EncodeToString(b), base64.RawStdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b)}
}
