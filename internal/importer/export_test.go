package importer

// Look reads a file without a store, for the fuzzer.
func Look(name string, data []byte) {
	p, ok := presets()[name]
	if !ok {
		return
	}
	r := &reading{file: "f", into: target{name: "acme", realm: "acme.example", domains: []string{"acme.example"}}}
	t := r.table(p, data)
	if t == nil {
		if !r.broken {
			panic("nothing was read, and nothing said")
		}
		return
	}
	rows := p.rows(r, t)
	r.ignored(t, p)
	newOwners(rows)
	for _, f := range append(r.faults, r.notes...) {
		if f.Line < 1 || f.Column < 1 || f.Message == "" {
			panic(f.Error())
		}
	}
}
