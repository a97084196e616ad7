package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"tollgate/internal/trace"
)

type traceCommand struct {
	CallID string `arg:"" name:"call-id" help:"The Call-ID of either leg, or a reference."`
	Pcap   string `placeholder:"FILE" help:"Write a capture file instead; - for standard output."`
	Since  string `default:"30d" placeholder:"TIME" help:"How far back; 30d where absent."`
}

// Run prints the SIP of a call or request as a ladder, or writes it as a capture.
func (c *traceCommand) Run(ctx context.Context, p *program) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	found, err := decided(ctx, node, c.CallID, c.Since)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("no call and no refused request with %s is kept", plain(c.CallID))
	}
	at := "/traces/" + url.PathEscape(found[0].ID.String())
	if c.Pcap != "" {
		return c.capture(ctx, p, node, at, &found[0])
	}
	if p.cli.Output == "text" {
		at += "/ladder"
	}
	data, err := node.do(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	return p.print(json.RawMessage(data), func() { p.ladder(string(data)) })
}

// ladder prints one line by line: another node's could hold what a terminal obeys.
func (p *program) ladder(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintln(p.stdout, plain(strings.TrimRight(line, "\n")))
	}
}

func (c *traceCommand) capture(ctx context.Context, p *program, node *client, at string, d *trace.Decision) error {
	data, err := node.do(ctx, http.MethodGet, at+"/pcap", nil)
	if err != nil {
		return err
	}
	if c.Pcap == "-" {
		_, err := p.stdout.Write(data)
		return err
	}
	if err := os.WriteFile(c.Pcap, data, 0o600); err != nil {
		return folderFault(c.Pcap, err)
	}
	return p.print(map[string]any{"file": filepath.Clean(c.Pcap), "bytes": len(data), "id": d.ID}, func() {
		fmt.Fprintf(p.stdout, "written: %s, %s\n", plain(c.Pcap), size(int64(len(data))))
	})
}

// errStopped says that the node has ended a stream that would go on for ever.
var errStopped = errors.New("the node has ended the stream, as one does that stops")

// events reads server-sent events until the context ends, and gives the data of each; errStopped
// where the node ends them.
func (c *client) events(ctx context.Context, path string, each func(data []byte) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/api/v1"+path, nil)
	if err != nil {
		return err
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	endless := *c.http
	endless.Timeout = 0
	resp, err := endless.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body) // what is there says enough
		return c.judge(resp, body.Bytes())
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); ok {
			if err := each(data); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return nil // interrupted
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the node's events broke off: %w", err)
	}
	return errStopped
}
