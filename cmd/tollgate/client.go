package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/edge"
)

// client talks to one node's API.
type client struct {
	http  *http.Client
	base  string // https://edge.example:8080
	token string
	host  string // of a node elsewhere; "" = the node is on this machine
}

// clientTimeout is longer than the longest apply.
const clientTimeout = 15 * time.Minute

// client gives the node that the flags name: by its URL, or by the control socket in its data folder.
func (p *program) client(ctx context.Context) (*client, error) {
	if p.cli.Server != "" {
		return remote(p.cli.Server, p.cli.Token)
	}
	if p.cli.Token != "" {
		return nil, misuse("--token needs --server")
	}
	node, err := p.node()
	if err != nil {
		return nil, err
	}
	c := local(node.DataDir)
	if err := c.reach(ctx, node.DataDir); !errors.Is(err, edge.ErrNoNode) {
		return c, err
	}
	// Nobody said which node: the demo's may be meant.
	if dir := demoFolder(p.environ); p.cli.Config == "" && !p.set("TOLLGATE_DATA_DIR") && local(dir).reach(ctx, dir) == nil {
		return local(dir), nil
	}
	return nil, fmt.Errorf("no node is running with the data folder %s: start one with tollgate serve, or name another one with -c or --server", node.DataDir)
}

// set says whether the environment has a variable.
func (p *program) set(name string) bool {
	for _, line := range p.environ {
		if strings.HasPrefix(line, name+"=") {
			return true
		}
	}
	return false
}

// local gives the node with that data folder.
func local(dir string) *client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return edge.DialControl(ctx, dir) }
	return &client{base: "http://tollgate", http: &http.Client{Timeout: clientTimeout, Transport: &http.Transport{DialContext: dial}}}
}

// reach says whether somebody listens.
func (c *client) reach(ctx context.Context, dir string) error {
	conn, err := edge.DialControl(ctx, dir)
	if err == nil {
		err = conn.Close()
	}
	return err
}

func remote(server, token string) (*client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, misuse("--server is not a URL such as https://edge.example:8080")
	}
	if token == "" {
		return nil, misuse("--server needs an API key: --token KEY, or TOLLGATE_TOKEN")
	}
	c := &client{base: strings.TrimRight(u.Scheme+"://"+u.Host+u.Path, "/"), token: token, host: u.Hostname()}
	c.http = &http.Client{
		Timeout: clientTimeout,
		// A key is for the server that was named, and for no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// problemError is what the API refuses with.
type problemError struct{ api.Problem }

// lines are the faults, one a line; "" where there is only the sentence.
func (e *problemError) lines() string {
	var b strings.Builder
	for i := range e.Errors {
		b.WriteString(faultLine(&e.Errors[i]) + "\n")
	}
	return b.String()
}

// faultLine is a fault with its place, in one line.
func faultLine(f *api.Fault) string {
	var b strings.Builder
	switch {
	case f.File != "":
		fmt.Fprintf(&b, "%s:%d:%d: ", f.File, f.Line, f.Column)
	case f.Noun != "" && f.Name != "":
		b.WriteString(string(f.Noun) + " " + f.Name + ": ")
	case f.Noun != "":
		b.WriteString(string(f.Noun) + ": ")
	}
	if f.Field != "" {
		b.WriteString(f.Field + ": ")
	}
	b.WriteString(f.Message)
	if f.Want != "" {
		b.WriteString("; " + f.Want)
	}
	return b.String()
}

// do sends a request and gives the body of the answer; body nil: none.
func (c *client) do(ctx context.Context, method, path string, body any) ([]byte, error) {
	if body == nil {
		return c.send(ctx, method, path, "", nil)
	}
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return c.send(ctx, method, path, "application/json", bytes.NewReader(data))
}

// send is do for a body of any kind; contentType "": none.
func (c *client) send(ctx context.Context, method, path, contentType string, reader io.Reader) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, reader)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the node's answer: %w", err)
	}
	return data, c.judge(resp, data)
}

// unreachable takes the request out of an error; its URL says nothing to whoever typed a command.
func (c *client) unreachable(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if c.host == "" {
		return err
	}
	return fmt.Errorf("%s cannot be reached: %w", c.base, err)
}

func (c *client) judge(resp *http.Response, data []byte) error {
	if resp.StatusCode/100 == 2 {
		return nil
	}
	e := &problemError{}
	if json.Unmarshal(data, &e.Problem) == nil && e.Detail != "" {
		return e
	}
	return fmt.Errorf("%s answered %s, which is not how a Tollgate node answers", c.base, resp.Status)
}

// get reads one object.
func (c *client) get(ctx context.Context, path string, to any) error {
	data, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return decode(data, to)
}

func decode(data []byte, to any) error {
	if err := json.Unmarshal(data, to); err != nil {
		return fmt.Errorf("the node's answer is not understood: %w", err)
	}
	return nil
}

// all reads every page of a list.
func (c *client) all(ctx context.Context, path string, query url.Values) ([]json.RawMessage, error) {
	query.Set("limit", "1000")
	items := []json.RawMessage{}
	for {
		var page api.Page[json.RawMessage]
		if err := c.get(ctx, path+"?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if page.Next == "" {
			return items, nil
		}
		query.Set("cursor", page.Next)
	}
}

// Error is the sentence.
func (e *problemError) Error() string { return e.Detail }
