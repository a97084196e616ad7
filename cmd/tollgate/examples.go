package main

import "strings"

// examples are lines that can be typed as they stand, for tollgate COMMAND --help.
func examples(lines ...string) string {
	return "Examples:\n\n    " + strings.Join(lines, "\n    ")
}

// Help gives examples; so do those that follow.
func (demoCommand) Help() string {
	return examples("tollgate demo", "tollgate demo --every 1m --quiet")
}

// Help gives examples.
func (initCommand) Help() string {
	return examples("tollgate init", "tollgate init --yes --address 192.0.2.1 --domain pbx.example.com --pbx 192.0.2.20:5060")
}

// Help gives examples.
func (doctorCommand) Help() string {
	return examples("tollgate doctor", "tollgate doctor -c /etc/tollgate/node.yaml")
}

// Help gives examples.
func (serveCommand) Help() string {
	return examples("tollgate serve", "tollgate serve -c /etc/tollgate/node.yaml")
}

// Help gives examples.
func (checkCommand) Help() string {
	return examples("tollgate check -f tenants.yaml", "tollgate check -c /etc/tollgate/node.yaml")
}

// Help gives examples.
func (applyCommand) Help() string {
	return examples("tollgate apply -f tenants.yaml --dry-run", "tollgate apply -f tenants.yaml",
		"tollgate apply -f tenants.yaml --confirm-within 5m", "tollgate apply --confirm", "tollgate apply --revert")
}

// Help gives examples.
func (exportCommand) Help() string { return examples("tollgate export", "tollgate export -o json") }

// Help gives examples.
func (importCommand) Help() string {
	return examples("tollgate import users users.csv --customer acme --dry-run", "tollgate import kamailio-subscriber subscriber.csv --customer acme --skip-bad")
}

// Help gives examples.
func (callsCommand) Help() string {
	return examples("tollgate calls", "tollgate calls 1001 --customer acme", "tollgate calls -o json")
}

// Help gives examples.
func (hangupCommand) Help() string { return examples("tollgate hangup 4f1c0a2b9d3e") }

// Help gives examples.
func (cdrsCommand) Help() string {
	return examples("tollgate cdrs", "tollgate cdrs 390401234567 --since 7d", "tollgate cdrs --customer acme --since 2026-11-22T20:15:00Z -o json")
}

// Help gives examples.
func (bindingsCommand) Help() string {
	return examples("tollgate bindings", "tollgate bindings 1001 --customer acme")
}

// Help gives examples.
func (destinationsCommand) Help() string {
	return examples("tollgate destinations", "tollgate destinations --customer acme")
}

// Help gives examples.
func (disableCommand) Help() string { return examples("tollgate disable pbx-2 --customer acme") }

// Help gives examples.
func (enableCommand) Help() string { return examples("tollgate enable pbx-2 --customer acme") }

// Help gives examples.
func (firewallCommand) Help() string { return examples("tollgate firewall --customer acme") }

// Help gives examples.
func (blocklistCommand) Help() string { return examples("tollgate blocklist 00882 --customer acme") }

// Help gives examples.
func (antifraudCommand) Help() string { return examples("tollgate antifraud --customer acme") }

// Help gives examples.
func (bansCommand) Help() string { return examples("tollgate bans", "tollgate bans 192.0.2.99") }

// Help gives examples.
func (banCommand) Help() string {
	return examples("tollgate ban 192.0.2.99 --for 1h", "tollgate ban 192.0.2.0/24 --for 7d --customer acme --reason 'guesses numbers'")
}

// Help gives examples.
func (unbanCommand) Help() string { return examples("tollgate unban 192.0.2.99") }

// Help gives examples.
func (transparentCommand) Help() string {
	return examples("tollgate transparent on --customer acme --for 30m", "tollgate transparent off --customer acme")
}

// Help gives examples.
func (limitsCommand) Help() string { return examples("tollgate limits --customer acme") }

// Help gives examples.
func (whyCommand) Help() string {
	return examples("tollgate why 390401234567", "tollgate why 192.0.2.99 --since 7d", "tollgate why 89RST")
}

// Help gives examples.
func (decisionsCommand) Help() string {
	return examples("tollgate decisions --refused", "tollgate decisions --customer acme --since 6h --reason call_limit")
}

// Help gives examples.
func (strangersCommand) Help() string { return examples("tollgate strangers") }

// Help gives examples.
func (traceCommand) Help() string {
	return examples("tollgate trace 89RST", "tollgate trace f81d4fae-1@192.0.2.7 --pcap call.pcap")
}

// Help gives examples.
func (watchCommand) Help() string {
	return examples("tollgate watch", "tollgate watch --customer acme --refused")
}

// Help gives examples.
func (explainCommand) Help() string {
	return examples("tollgate explain --from sip:1001@acme.example --to sip:00390401234567@acme.example --source 192.0.2.7:5062",
		"tollgate explain --from sip:1001@acme.example --to sip:acme.example --source 192.0.2.7:5062 --method REGISTER --transport tcp --header 'User-Agent: x'")
}

// Help gives examples.
func (probeCommand) Help() string {
	return examples("tollgate probe sip:100@acme.example", "tollgate probe sip:100@acme.example --transport tcp --talk 5s --messages")
}

// Help gives examples.
func (backupCommand) Help() string { return examples("tollgate backup tollgate.tar.gz") }

// Help gives examples.
func (restoreCommand) Help() string { return examples("tollgate restore tollgate.tar.gz") }

// Help gives examples.
func (listKeysCommand) Help() string { return examples("tollgate api-keys") }

// Help gives examples.
func (createKeyCommand) Help() string {
	return examples("tollgate api-keys create billing --access read-only", "tollgate api-keys create portal --role customer --customer acme --access operator")
}

// Help gives examples.
func (resetPasswordCommand) Help() string {
	return examples("tollgate admin reset-password noc@platform.example", "tollgate admin reset-password noc@platform.example --totp")
}

// Help gives examples.
func (versionCommand) Help() string { return examples("tollgate version", "tollgate version -o json") }
