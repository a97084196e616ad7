package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// microPackages are those whose benchmarks belong in the table: the parts that
// every message passes. One that does not exist yet is left out.
var microPackages = []string{"./sip", "./internal/policy"}

// microResult is one line of go test -bench.
type microResult struct {
	Package, Name string
	Figures       string // as printed, such as "912 ns/op 0 B/op 0 allocs/op"
}

func (b *bench) measureMicro(r *report, _ <-chan os.Signal) error {
	for _, pkg := range microPackages {
		if _, err := os.Stat(pkg); err != nil {
			continue
		}
		results, err := benchmarks(pkg, ".")
		if err != nil {
			return err
		}
		r.micro = append(r.micro, results...)
	}
	return nil
}

// benchmarks runs some of a package's own.
func benchmarks(pkg, pattern string) ([]microResult, error) {
	out, err := exec.Command("go", "test", "-run", "^$", "-bench", pattern, "-benchmem", pkg).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("benchmarks of %s: %w\n%s", pkg, err, out)
	}
	return parseBenchmarks(pkg, string(out)), nil
}

// parseBenchmarks reads the lines that begin with Benchmark.
func parseBenchmarks(pkg, out string) []microResult {
	var results []microResult
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		var figures []string
		for i := 2; i+1 < len(fields); i += 2 {
			figures = append(figures, fields[i]+" "+fields[i+1])
		}
		results = append(results, microResult{
			Package: strings.TrimPrefix(pkg, "./"),
			Name:    strings.TrimPrefix(fields[0], "Benchmark"), Figures: strings.Join(figures, ", "),
		})
	}
	return results
}
