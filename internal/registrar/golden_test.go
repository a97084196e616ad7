package registrar_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What is drawn anew at each start.
var drawn = regexp.MustCompile(`z9hG4bK[0-9a-v]{29}|(To: .*;tag=)[0-9a-v]{13}`)

// TestGolden: each testdata/NAME.request.sip as a PBX gets it, and NAME.answer.sip, whose
// TOKEN1 and so on are the tokens of the request, as the phone does, plain and hidden.
// TOLLGATE_GOLDEN=1 writes them anew.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.request.sip")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(file, ".request.sip")
		t.Run(filepath.Base(base), func(t *testing.T) {
			both(t, func(r *rig, hidden bool) {
				mode := map[bool]string{false: ".plain.sip", true: ".hidden.sip"}[hidden]
				r.in(udp(phoneAddr), read(t, file))
				request := r.want(pbxAddr, "REGISTER ")
				compare(t, base+".request"+mode, request)
				reply := read(t, base+".answer.sip")
				for i, all := 1, regexp.MustCompile(`sip:([0-9a-v]{48})@`).FindAllStringSubmatch(request, -1); i <= len(all); i++ {
					reply = strings.ReplaceAll(reply, "TOKEN"+string(rune('0'+i)), all[i-1][1])
				}
				status, more, _ := strings.Cut(reply, "\n")
				r.in(udp(pbxAddr), answer(request, strings.TrimPrefix(status, "SIP/2.0 "), more))
				compare(t, base+".answer"+mode, r.want(phoneAddr, "SIP/2.0 "))
			})
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	got = drawn.ReplaceAllString(strings.ReplaceAll(got, "\r\n", "\n"), "${1}drawn")
	if os.Getenv("TOLLGATE_GOLDEN") != "" {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, name); got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}
