package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// Flags of authenticator data (WebAuthn 6.1).
const (
	userPresent  = 0x01
	userVerified = 0x04
	hasKey       = 0x40
)

const panelHost, panelOrigin = "example.com", "http://example.com" // as httptest asks

// authenticator is a scripted one with one ES256 key.
type authenticator struct {
	t            *testing.T
	key          *ecdsa.PrivateKey
	id, handle   []byte
	count        uint32
	host, origin string
	flags        byte
}

func newAuthenticator(t *testing.T) *authenticator {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authenticator{t: t, key: key, id: make([]byte, 32), host: panelHost, origin: panelOrigin, flags: userPresent | userVerified}
	_, _ = rand.Read(a.id)
	return a
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *authenticator) clientData(kind, challenge string) []byte {
	text, _ := json.Marshal(object{"type": "webauthn." + kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	return text
}

func (a *authenticator) data(flags byte) []byte {
	host := sha256.Sum256([]byte(a.host))
	return binary.BigEndian.AppendUint32(append(host[:], flags), a.count)
}

// create answers creation options.
func (a *authenticator) create(options object) object {
	a.handle, _ = base64.RawURLEncoding.DecodeString(options["user"].(object)["id"].(string))
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		a.t.Fatal(err)
	}
	cose, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		a.t.Fatal(err)
	}
	data := append(a.data(a.flags|hasKey), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(a.id))), a.id...)
	made, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": append(data, cose...)})
	if err != nil {
		a.t.Fatal(err)
	}
	return object{
		"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": object{}, "newInSomeBrowser": 1,
		"response": object{"clientDataJSON": b64(a.clientData("create", options["challenge"].(string))), "attestationObject": b64(made)},
	}
}

// get answers request options.
func (a *authenticator) get(challenge string) object {
	client := a.clientData("get", challenge)
	hash, data := sha256.Sum256(client), a.data(a.flags)
	sum := sha256.Sum256(append(data, hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, sum[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return object{
		"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": object{},
		"response": object{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(a.handle)},
	}
}

// options gives those of an answer.
func options(t *testing.T, a answer) object {
	t.Helper()
	var body struct{ Options object }
	if err := json.Unmarshal(a.body, &body); a.code != 200 || err != nil {
		t.Fatalf("%d %s", a.code, a.body)
	}
	return body.Options
}

func (w *world) beginPasskey(cookie string) object {
	w.t.Helper()
	return options(w.t, w.browser(cookie, "POST", "/api/v1/me/passkeys/begin", object{"password": secretWord}))
}

func (w *world) addPasskey(cookie, name string, credential object) answer {
	w.t.Helper()
	return w.browser(cookie, "POST", "/api/v1/me/passkeys", object{"name": name, "credential": credential})
}

func (w *world) challenge() string {
	w.t.Helper()
	return options(w.t, w.as("").do("POST", "/api/v1/session/passkey/begin", nil))["challenge"].(string)
}

func (w *world) logIn(credential object, headers ...string) answer {
	w.t.Helper()
	return w.as("").do("POST", "/api/v1/session/passkey", object{"credential": credential}, headers...)
}

// holder is somebody with a passkey and a session.
func (w *world) holder(email string) (cookie string, a *authenticator, id string) {
	w.t.Helper()
	w.person(email, "platform", "read-only", 0, 0)
	cookie, _ = w.enter(email, secretWord, "")
	a = newAuthenticator(w.t)
	got := w.addPasskey(cookie, "Laptop", a.create(w.beginPasskey(cookie)))
	if got.code != 201 {
		w.t.Fatalf("%d %s", got.code, got.body)
	}
	var made struct{ ID int64 }
	_ = json.Unmarshal(got.body, &made)
	return cookie, a, itoa(made.ID)
}

// TestPasskey: added by a read-only user, it stands for password and code, until it is deleted or
// somebody else sets the password.
func TestPasskey(t *testing.T) {
	w := newWorld(t)
	cookie, a, id := w.holder("anna@platform.example")
	planted := "tollgate_session=" + strings.Repeat("A", 43)
	a.count = 1
	got := w.logIn(a.get(w.challenge()), "Cookie", planted)
	in, _, _ := strings.Cut(got.header.Get("Set-Cookie"), ";")
	if got.code != 200 || in == planted || !strings.Contains(string(got.body), "anna@platform.example") {
		t.Fatalf("%d %s", got.code, got.body)
	}
	if got := w.browser(planted, "GET", "/api/v1/me", nil); got.code != 401 {
		t.Errorf("the planted token: %d", got.code)
	}
	list := w.browser(in, "GET", "/api/v1/me/passkeys", nil)
	if list.code != 200 || !strings.Contains(string(list.body), `"name":"Laptop","host":"example.com"`) || !strings.Contains(string(list.body), `"used":`) {
		t.Errorf("%d %s", list.code, list.body)
	}
	a.count = 2
	if got := w.as("").do("POST", "/api/v1/session/passkey", object{"credential": a.get(w.challenge()), "email": "other@platform.example"}); got.code != 401 {
		t.Errorf("somebody else's session goes on with it: %d", got.code)
	}
	if got := w.addPasskey(cookie, "Again", a.create(w.beginPasskey(cookie))); got.code != 409 {
		t.Errorf("the same one twice: %d %s", got.code, got.body)
	}
	other, _, _ := w.holder("bea@platform.example")
	if got := w.browser(other, "DELETE", "/api/v1/me/passkeys/"+id, nil); got.code != 404 {
		t.Errorf("another user deletes it: %d", got.code)
	}
	if got := w.browser(cookie, "DELETE", "/api/v1/me/passkeys/"+id, nil); got.code != 204 {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := w.logIn(a.get(w.challenge())); got.code != 401 {
		t.Errorf("a deleted one: %d", got.code)
	}
	audit := string(w.admin().do("GET", "/api/v1/audit", nil).body)
	if strings.Count(audit, `"action":"passkey"`) != 3 {
		t.Errorf("audit: %s", audit)
	}
}

// TestPasskeyEndsWithReset: a password that somebody else sets ends passkeys; one's own change does not.
func TestPasskeyEndsWithReset(t *testing.T) {
	w := newWorld(t)
	cookie, a, _ := w.holder("anna@platform.example")
	if got := w.browser(cookie, "PUT", "/api/v1/me/password", object{"old": secretWord, "new": "Another-Horse-8"}); got.code != 204 {
		t.Fatalf("%d %s", got.code, got.body)
	}
	if got := w.logIn(a.get(w.challenge())); got.code != 200 {
		t.Errorf("after one's own change: %d %s", got.code, got.body)
	}
	var me struct{ ID int64 }
	_ = json.Unmarshal(w.browser(cookie, "GET", "/api/v1/me", nil).body, &me)
	made := w.admin().must("POST", "/api/v1/users/"+itoa(me.ID)+"/link", nil)
	_, token, _ := strings.Cut(made["url"].(string), "/#/setup/")
	w.as("").must("POST", "/api/v1/setup", object{"token": token, "password": "Third-Horse-888"})
	if got := w.logIn(a.get(w.challenge())); got.code != 401 {
		t.Errorf("after a link: %d", got.code)
	}
}

// TestPasskeyRefused: each answer that is wrong in one thing; the right one follows, so that no tries add up.
func TestPasskeyRefused(t *testing.T) {
	w := newWorld(t)
	_, a, _ := w.holder("anna@platform.example")
	a.count = 5
	used := a.get(w.challenge())
	if got := w.logIn(used); got.code != 200 {
		t.Fatalf("%d %s", got.code, got.body)
	}
	for name, wrong := range map[string]func(a *authenticator) object{
		"replayed":           func(*authenticator) object { return used },
		"a count behind":     func(a *authenticator) object { a.count -= 2; return a.get(w.challenge()) },
		"the same count":     func(a *authenticator) object { a.count--; return a.get(w.challenge()) },
		"another origin":     func(a *authenticator) object { a.origin = "http://evil.example"; return a.get(w.challenge()) },
		"another port":       func(a *authenticator) object { a.origin += ":81"; return a.get(w.challenge()) },
		"another host":       func(a *authenticator) object { a.host = "evil.example"; return a.get(w.challenge()) },
		"not verified":       func(a *authenticator) object { a.flags = userPresent; return a.get(w.challenge()) },
		"another key":        func(a *authenticator) object { a.key = newAuthenticator(t).key; return a.get(w.challenge()) },
		"unknown":            func(a *authenticator) object { a.id = []byte("nobody has this one"); return a.get(w.challenge()) },
		"another's handle":   func(a *authenticator) object { a.handle = []byte("another user"); return a.get(w.challenge()) },
		"no challenge":       func(a *authenticator) object { return a.get("") },
		"a challenge of its": func(a *authenticator) object { return a.get(b64(make([]byte, 56))) },
	} {
		bad := *a
		bad.count++
		if got := w.logIn(wrong(&bad)); got.code != 401 {
			t.Errorf("%s: %d %s", name, got.code, got.body)
		}
		a.count += 10 // who is right has his tries forgotten
		if got := w.logIn(a.get(w.challenge())); got.code != 200 {
			t.Fatalf("the right one after %s: %d %s", name, got.code, got.body)
		}
	}
}

// TestPasskeyRegistration: what cannot be added, and when.
func TestPasskeyRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.person("anna@platform.example", "platform", "read-only", 0, 0)
		cookie, _ := w.enter("anna@platform.example", secretWord, "")
		other, _ := w.enter("anna@platform.example", secretWord, "")
		refused := func(name, as string, credential object) {
			t.Helper()
			if got := w.addPasskey(as, "Laptop", credential); got.code != 422 {
				t.Errorf("%s: %d %s", name, got.code, got.body)
			}
		}
		if got := w.browser(cookie, "POST", "/api/v1/me/passkeys/begin", object{"password": "wrong-password"}); got.code != 422 {
			t.Errorf("without the password: %d", got.code)
		}
		a := newAuthenticator(t)
		refused("another session", other, a.create(w.beginPasskey(cookie)))
		wrong := *a
		wrong.origin = "http://evil.example"
		refused("another origin", cookie, wrong.create(w.beginPasskey(cookie)))
		wrong = *a
		wrong.host = "evil.example"
		refused("another host", cookie, wrong.create(w.beginPasskey(cookie)))
		wrong = *a
		wrong.flags = userPresent
		refused("not verified", cookie, wrong.create(w.beginPasskey(cookie)))
		ask := w.beginPasskey(cookie)
		ask["challenge"] = w.challenge()
		refused("a challenge to log in", cookie, a.create(ask))
		late := a.create(w.beginPasskey(cookie))
		time.Sleep(5 * time.Minute)
		refused("too late", cookie, late)
		ask = w.beginPasskey(cookie)
		if got := w.addPasskey(cookie, "Laptop", a.create(ask)); got.code != 201 {
			t.Fatalf("%d %s", got.code, got.body)
		}
		refused("the same challenge again", cookie, newAuthenticator(t).create(ask))
		asked := w.challenge()
		time.Sleep(5 * time.Minute)
		if got := w.logIn(a.get(asked)); got.code != 401 {
			t.Errorf("a log-in after 5 minutes: %d", got.code)
		}
		if got := w.logIn(a.get(w.challenge())); got.code != 200 {
			t.Errorf("%d %s", got.code, got.body)
		}
	})
}

// TestPasskeyGuessing: passkeys that are not right are throttled as passwords are.
func TestPasskeyGuessing(t *testing.T) {
	w := newWorld(t)
	_, a, _ := w.holder("anna@platform.example")
	a.key = newAuthenticator(t).key
	for range 10 {
		if got := w.logIn(a.get(w.challenge())); got.code == 429 {
			return
		}
	}
	t.Error("nobody is slowed")
}
