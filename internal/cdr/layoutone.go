package cdr

import (
	"encoding/binary"
	"net/netip"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// The first layout, which a journal may still hold; numbers are big endian.
//
//	version, flags, ended by, u16 status
//	u64 company, customer, destination, rule; i64 started, setup, duration (microseconds)
//	source and target: 16 bytes and u16 port
//	texts: u16 length and bytes

// withHead gives a record that the journal holds as the store takes it.
func withHead(data []byte) ([]byte, error) {
	if len(data) == 0 || data[0] != versionOne { // no company's number begins so
		return data, nil
	}
	var c CDR
	if err := c.decodeOne(data); err != nil {
		return nil, err
	}
	return append(store.AppendCDRHead(nil, c.Company, c.Customer, c.Ended), data...), nil
}

func (c *CDR) decodeOne(body []byte) error {
	d := &decoder{b: body}
	int64s := func() int64 { return int64(binary.BigEndian.Uint64(d.take(8))) }
	head := d.take(3)
	flags := head[1]
	c.flags(flags)
	c.EndedBy, c.Status = Party(head[2]).String(), d.uint16()
	c.Company, c.Customer = tenant.CompanyID(int64s()), tenant.CustomerID(int64s())
	c.DestinationID, c.Rule = tenant.DestinationID(int64s()), tenant.RuleID(int64s())
	started := time.UnixMicro(int64s()).UTC()
	setup, duration := d.length(int64s()), d.length(int64s())
	c.times(started, setup, duration, flags&flagAnswered != 0)
	for _, to := range [...]*string{&c.Source, &c.Target} {
		ip := netip.AddrFrom16([16]byte(d.take(16))).Unmap()
		if port := d.uint16(); port != 0 {
			*to = netip.AddrPortFrom(ip, uint16(port)).String()
		}
	}
	for _, to := range [...]*string{
		&c.CustomerName, &c.Destination, &c.Reason, &c.SourceTransport, &c.TargetTransport,
		&c.CallID, &c.FarCallID, &c.From, &c.To, &c.URI,
	} {
		*to = d.text(d.uint16())
	}
	return d.end()
}
