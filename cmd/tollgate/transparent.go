package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

type transparentCommand struct {
	Switch   string `arg:"" enum:"on,off" help:"on or off."`
	Customer string `required:"" placeholder:"NAME" help:"Whose traffic."`
	For      string `placeholder:"TIME" help:"How long: 30m, 2h; without it until it is switched off."`
}

// Run switches transparent mode, and returns once traffic obeys.
func (c *transparentCommand) Run(ctx context.Context, p *program) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	id, err := idOf(ctx, node, "customers", c.Customer)
	if err != nil {
		return err
	}
	data, err := node.do(ctx, http.MethodPost, "/transparent", map[string]any{"customer_id": id, "on": c.Switch == "on", "for": c.For})
	if err != nil {
		return err
	}
	var made struct {
		On    bool      `json:"on" yaml:"on"`
		Until time.Time `json:"until,omitzero" yaml:"until,omitempty"`
	}
	if err := decode(data, &made); err != nil {
		return err
	}
	return p.print(made, func() {
		switch {
		case !made.On:
			fmt.Fprintf(p.stdout, "%s is not transparent any more: its rules and limits decide\n", plain(c.Customer))
		case made.Until.IsZero():
			fmt.Fprintf(p.stdout, "%s is transparent: its firewall, block list, antifraud and call limit only count, and nothing is hidden\n", plain(c.Customer))
		default:
			fmt.Fprintf(p.stdout, "%s is transparent until %s: its firewall, block list, antifraud and call limit only count, and nothing is hidden\n",
				plain(c.Customer), made.Until.Local().Format("2006-01-02 15:04:05"))
		}
	})
}
