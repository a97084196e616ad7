package store_test

import (
	"fmt"
	"testing"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// BenchmarkAddCDRs stores batches of a thousand, as a node with many calls does.
func BenchmarkAddCDRs(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	list := make([]store.CDR, 1000)
	n, began := 0, time.Now()
	for b.Loop() {
		for i := range list {
			n++
			list[i] = store.CDR{
				ID: fmt.Sprintf("%016x%08x", uint64(n)*0x9e3779b97f4a7c15, n), Company: 1, Customer: tenant.CustomerID(n % 100), CustomerName: "customer", Direction: "inbound",
				CallID: fmt.Sprintf("call%d@phone.example.com", n), From: "<sip:alice@phone.example.com>", To: "<sip:+39040123456@acme.example.com>",
				URI: "sip:+39040123456@acme.example.com", Source: "192.0.2.1:5060", SourceTransport: "udp", Destination: "pbx", DestinationID: 7,
				Target: "203.0.113.1:5060", TargetTransport: "udp", Started: began.Add(time.Duration(n) * 10 * time.Millisecond), Answered: began, Ended: began.Add(time.Duration(n) * 10 * time.Millisecond),
				Status: 200, Reason: "ok", EndedBy: "caller",
			}
		}
		if err := s.AddCDRs(b.Context(), list); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "cdrs/s")
}
