package sdp_test

import (
	"strings"
	"testing"

	"tollgate/sdp"
)

func TestLocate(t *testing.T) {
	const (
		text  = "v=0\r\ns=-\r\n"
		isup  = "--b1\r\nContent-Type: application/isup;version=x\r\n\r\n\x01\x00--b\r\n"
		part  = "--b1\r\nContent-Type: application/sdp\r\n\r\n" + text + "\r\n"
		sized = "--b1\r\nl : 10\r\nc: application/SDP ;x=y\r\n\r\n" + text + "\r\n"
		end   = "--b1--\r\n"
	)
	inner := "--b1\r\nContent-Type: multipart/alternative; boundary=b12\r\n\r\n" + strings.ReplaceAll(part+end, "b1", "b12")
	for _, c := range []struct {
		name, kind, body, want, length string
	}{
		{"alone", "application/sdp", text, text, ""},
		{"with parameters", " Application/SDP ; charset=utf-8", text, text, ""},
		{"of no type", "", text, text, ""},
		{"of no type, and something else", "", "x" + text, "", ""},
		{"another type", "text/plain", text, "", ""},
		{"empty", "application/sdp", "", "", ""},
		{"second part", "multipart/mixed;boundary=b1", isup + part + end, text, ""},
		{"first part", `multipart/mixed; x="a;b=c"; Boundary = "b1"`, "preamble\r\n" + part + isup + end, text, ""},
		{"with its length", "multipart/mixed;boundary=b1", sized + end, text, "10"},
		{"not ended", "multipart/related;boundary=b1", part, text + "\r\n", ""},
		{"in a part", "multipart/mixed;boundary=b1", inner + isup + end, text, ""},
		{"LF alone", "multipart/mixed;boundary=b1", strings.ReplaceAll(isup+part+end, "\r\n", "\n"), "v=0\ns=-\n", ""},
		{"spaces around the slash", "application /\tsdp;x=y", text, text, ""},
		{"multipart with spaces", "multipart / mixed; boundary=b1", strings.Replace(part, "application/sdp", "application / sdp", 1) + end, text, ""},
		{"a part's header folded", "multipart/mixed;boundary=b1", strings.Replace(part, ": app", ":\r\n app", 1) + end, text, ""},
		{"folded before the slash", "multipart/mixed;boundary=b1", strings.Replace(part, "/sdp", "\r\n\t/ sdp;\r\n x=y", 1) + end, text, ""},
		{"two parts", "multipart/alternative;boundary=b1", part + sized + end, text, ""},
		{"two parts, in a part", "multipart/mixed;boundary=b1", inner + isup + part + end, text, ""},
		{"two parts within one", "multipart/mixed;boundary=b1", isup + strings.Replace(inner, "--b12\r\n", strings.ReplaceAll(part, "b1", "b12")+"--b12\r\n", 1) + end, text, ""},
		{"none", "multipart/mixed;boundary=b1", isup + end, "", ""},
		{"another boundary", "multipart/mixed;boundary=b2", part + end, "", ""},
		{"no boundary", "multipart/mixed", part + end, "", ""},
		{"nothing but a boundary", "multipart/mixed;boundary=b1", "--b1", "", ""},
		{"part of nothing", "multipart/mixed;boundary=b1", "--b1\r\nContent-Type: application/sdp\r\n\r\n--b1--", "", ""},
	} {
		p, ok := sdp.Locate([]byte(c.kind), []byte(c.body))
		if got := c.body[p.Body.Off:p.Body.End]; ok != (c.want != "") || got != c.want {
			t.Errorf("%s: expected %q, got %v %q", c.name, c.want, ok, got)
		}
		if want := strings.Contains(c.name, "two"); p.Again != want {
			t.Errorf("%s: another one: %v", c.name, p.Again)
		}
		if got := c.body[p.Length.Off:p.Length.End]; got != c.length {
			t.Errorf("%s: length %q", c.name, got)
		}
	}
}
