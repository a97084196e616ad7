package doctor

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tollgate/internal/transport"
)

// TestAsk: a SIP endpoint answers OPTIONS, others do not.
func TestAsk(t *testing.T) {
	endpoint, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	at := endpoint.LocalAddr().(*net.UDPAddr).AddrPort()
	answers := make(chan string, 2)
	answers <- "SIP/2.0 404 Not Found\r\n\r\n"
	answers <- "hello"
	heard := make(chan string, 2)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2000)
		for {
			n, from, err := endpoint.ReadFrom(buf)
			if err != nil {
				return
			}
			heard <- string(buf[:n])
			_, _ = endpoint.WriteTo([]byte(<-answers), from)
		}
	}()
	if err := ask(t.Context(), "udp", at); err != nil {
		t.Error(err)
	}
	if m := <-heard; !strings.HasPrefix(m, "OPTIONS sip:"+at.String()+" SIP/2.0\r\n") || !strings.HasSuffix(m, "\r\n\r\n") {
		t.Errorf("sent %q", m)
	}
	if err := ask(t.Context(), "udp", at); err == nil || !strings.Contains(err.Error(), "does not speak SIP") {
		t.Errorf("%v", err)
	}
	endpoint.Close()
	<-done
	if err := ask(t.Context(), "udp", at); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v", err)
	}
	if err := ask(t.Context(), "tls", at); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]Folder{
		dir:                        {Path: dir, Exists: true, IsDir: true, Writable: true},
		filepath.Join(dir, "a/b"):  {Path: dir, IsDir: true, Writable: true},
		filepath.Join(dir, "file"): {Path: filepath.Join(dir, "file"), Exists: true},
	} {
		f, err := folder(path)
		if err != nil || f.Path != want.Path || f.Exists != want.Exists || f.IsDir != want.IsDir || f.Writable != want.Writable || f.Free == 0 {
			t.Errorf("%s: %+v, %v", path, f, err)
		}
	}
}

func TestSource(t *testing.T) {
	if a, ok := Source(addr("127.0.0.1")); !ok || a != addr("127.0.0.1") {
		t.Errorf("%s, %v", a, ok)
	}
	if list, err := own(); err != nil || len(list) == 0 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := synchronised(); err != nil {
		t.Error(err)
	}
}

func TestResolve(t *testing.T) {
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("192.0.2.8 pbx.test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := transport.NewResolver(transport.ResolverConfig{Hosts: hosts, Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}})
	defer r.Close()
	list, err := Machine(r).Resolve(t.Context(), "pbx.test")
	if err != nil || len(list) == 0 || list[0] != addr("192.0.2.8") {
		t.Errorf("%v, %v", list, err)
	}
}
