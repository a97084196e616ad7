package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"tollgate/internal/api"
)

type explainCommand struct {
	From      string   `required:"" placeholder:"URI" help:"Who calls, such as sip:me@there.example."`
	To        string   `required:"" placeholder:"URI" help:"Who is called; it is the Request-URI, too."`
	Source    string   `required:"" placeholder:"IP:PORT" help:"Where the request comes from."`
	Method    string   `default:"INVITE" help:"The method."`
	Transport string   `default:"udp" enum:"udp,tcp,tls" help:"udp, tcp or tls."`
	Header    []string `sep:"none" placeholder:"'NAME: VALUE'" help:"A further header; as often as needed."`
}

// explanation is what is shown of policy.Explanation.
type explanation struct {
	Customer  string `json:"customer"`
	Direction string `json:"direction"`
	Steps     []struct {
		Name    string  `json:"name"`
		Verdict verdict `json:"verdict"`
		Text    string  `json:"text"`
	} `json:"steps"`
	Candidates []struct {
		Name    string `json:"name"`
		Address string `json:"address"`
		Proto   string `json:"protocol"`
		Tried   int    `json:"tried"`
		Text    string `json:"text"`
	} `json:"candidates"`
	Would   []would `json:"would"`
	Verdict verdict `json:"verdict"`
}

// would is a refusal that did not, or will not, happen.
type would struct {
	Reason   string `json:"reason"`
	RuleName string `json:"rule_name"`
}

func (w would) String() string {
	text := "would have been refused: " + w.Reason
	if w.RuleName != "" {
		text += ", rule " + strconv.Quote(w.RuleName)
	}
	return text
}

type verdict struct {
	Status int    `json:"status"` // 0: goes on; below 0: silence
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

func (v verdict) word() string {
	switch {
	case v.Status == 0:
		return "goes on"
	case v.Status < 0:
		return "silence"
	}
	return strconv.Itoa(v.Status)
}

// Run explains.
func (c *explainCommand) Run(ctx context.Context, p *program) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	data, err := node.do(ctx, http.MethodPost, "/tools/explain", api.ExplainQuery{
		From: c.From, To: c.To, Source: c.Source, Method: c.Method, Transport: c.Transport, Headers: c.Header,
	})
	if err != nil {
		return err
	}
	var e explanation
	if err := decode(data, &e); err != nil {
		return err
	}
	return p.print(json.RawMessage(data), func() {
		fmt.Fprintf(p.stdout, "%s %s from %s over %s\n\n", plain(c.Method), plain(c.To), plain(c.Source), c.Transport)
		p.explained(&e)
	})
}

func (p *program) explained(e *explanation) {
	var rows [][]string
	for i, s := range e.Steps {
		rows = append(rows, []string{strconv.Itoa(i + 1), s.Name, s.Verdict.word(), s.Text})
	}
	p.table([]string{"", "step", "verdict", "why"}, rows)
	if len(e.Candidates) > 0 {
		fmt.Fprintln(p.stdout)
		rows = rows[:0]
		for _, c := range e.Candidates {
			tried := ""
			if c.Tried > 0 {
				tried = strconv.Itoa(c.Tried)
			}
			rows = append(rows, []string{tried, c.Name, c.Proto + " " + c.Address, c.Text})
		}
		p.table([]string{"", "destination", "address", ""}, rows)
	}
	if len(e.Would) > 0 {
		fmt.Fprintln(p.stdout)
	}
	for _, w := range e.Would {
		fmt.Fprintln(p.stdout, "only counted: "+plain(w.String()))
	}
	fmt.Fprintf(p.stdout, "\n%s: %s", e.Verdict.word(), plain(e.Verdict.Reason))
	if e.Verdict.Detail != "" {
		fmt.Fprintf(p.stdout, " (%s)", plain(e.Verdict.Detail))
	}
	fmt.Fprintln(p.stdout)
}
