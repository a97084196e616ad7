package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// CDRID names a call attempt.
type CDRID [12]byte

// CDR is a call record as it is kept, in the journal and here. What it says is package cdr's;
// the store reads its head only, numbers of 8 bytes, big endian:
//
//	company, customer, when it ended (microseconds since 1970)
type CDR struct {
	Seq    int64 // rises in the order of storing; AddCDRs gives it
	ID     CDRID
	Record []byte // the head, and what package cdr has written behind it
}

// CDRHead is how many bytes the head has.
const CDRHead = 24

// AppendCDRHead appends the head of a record.
func AppendCDRHead(dst []byte, company tenant.CompanyID, customer tenant.CustomerID, ended time.Time) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(company))
	dst = binary.BigEndian.AppendUint64(dst, uint64(customer))
	return binary.BigEndian.AppendUint64(dst, uint64(ended.UnixMicro()))
}

func (c *CDR) number(at int) int64 { return int64(binary.BigEndian.Uint64(c.Record[at:])) }

// Company is whose customer's record it is. A record has its head, for this and what follows.
func (c *CDR) Company() tenant.CompanyID { return tenant.CompanyID(c.number(0)) }

// Customer is whose record it is.
func (c *CDR) Customer() tenant.CustomerID { return tenant.CustomerID(c.number(8)) }

// Ended is the end of the attempt, to the microsecond.
func (c *CDR) Ended() time.Time { return time.UnixMicro(c.ended()).UTC() }
func (c *CDR) ended() int64     { return c.number(16) }

// Records lie behind each other in a block: each its ID, u32 length, and itself.
const (
	cdrFrame = len(CDRID{}) + 4
	cdrBlock = 1000    // records in a block at most
	cdrPart  = 4096    // numbers in a part, by which a tenant's records are found
	cdrSpare = 4 << 20 // bytes of room for a block that are held on to
	forever  = math.MaxInt64 - cdrBlock
)

var errBlock = errors.New("a block of call records is damaged")

// eachCDR tells the records of a block, until told to stop.
func eachCDR(first int64, block []byte, tell func(*CDR) (more bool)) (more bool, err error) {
	c := CDR{Seq: first}
	for ; len(block) > 0; c.Seq++ {
		if len(block) < cdrFrame {
			return false, errBlock
		}
		size := int(binary.BigEndian.Uint32(block[len(c.ID):]))
		if size < CDRHead || size > len(block)-cdrFrame {
			return false, errBlock
		}
		copy(c.ID[:], block)
		c.Record = block[cdrFrame : cdrFrame+size]
		block = block[cdrFrame+size:]
		if !tell(&c) {
			return false, nil
		}
	}
	return true, nil
}

// AddCDRs stores records in their order, all or none. With again some may be stored already, since
// whoever hands them in does not know how that went: those are left out. They are no
// configuration: there is no audit, and the revision stays.
func (s *Store) AddCDRs(ctx context.Context, list []CDR, again bool) error {
	for i := range list {
		if len(list[i].Record) < CDRHead {
			return errBlock
		}
	}
	w := &s.cdrs
	w.mu.Lock()
	defer w.mu.Unlock()
	err := s.alone(ctx, func(db bun.Tx) (err error) {
		if again {
			if list, err = missing(ctx, db.Tx, list); err != nil {
				return err
			}
		}
		for len(list) > 0 && err == nil {
			block := list[:min(len(list), cdrBlock)]
			list = list[len(block):]
			err = w.add(ctx, db.Tx, block)
		}
		return err
	})
	if err != nil {
		w.owners = nil // they may be rolled back
	}
	return s.explain(err)
}

// add stores one block.
func (w *cdrWriting) add(ctx context.Context, db *sql.Tx, list []CDR) error {
	from, to := list[0].ended(), list[0].ended()
	for i := range list {
		from, to = min(from, list[i].ended()), max(to, list[i].ended())
	}
	var last, reached int64
	n := int64(len(list))
	row := db.QueryRowContext(ctx, "UPDATE cdr_state SET last_seq = last_seq + ?, reached = MAX(reached, ?) RETURNING last_seq, reached", n, to)
	if err := row.Scan(&last, &reached); err != nil {
		return err
	}
	first := last - n + 1
	_, err := db.ExecContext(ctx, "INSERT INTO cdr_blocks (last_seq, first_seq, first_ended, last_ended, reached, records) VALUES (?, ?, ?, ?, ?, ?)",
		last, first, from, to, reached, w.block(list))
	if err != nil {
		return err
	}
	return w.note(ctx, db, first, list)
}

// missing leaves those records that are not stored. One that is stands in a block that reaches its end or more.
func missing(ctx context.Context, db *sql.Tx, list []CDR) ([]CDR, error) {
	if len(list) == 0 {
		return nil, nil
	}
	stored := make(map[CDRID]bool, len(list))
	since := list[0].ended()
	for i := range list {
		stored[list[i].ID] = false
		since = min(since, list[i].ended())
	}
	from, err := reaching(ctx, db, since)
	if err != nil {
		return nil, err
	}
	_, err = scanCDRs(ctx, db, from-1, forever, math.MaxInt64, func(c *CDR) bool {
		if _, asked := stored[c.ID]; asked {
			stored[c.ID] = true
		}
		return true
	})
	rest := make([]CDR, 0, len(list))
	for _, c := range list {
		if !stored[c.ID] {
			stored[c.ID] = true // nor twice from the list itself
			rest = append(rest, c)
		}
	}
	return rest, err
}

// cdrWriting is what AddCDRs keeps from one time to the next.
type cdrWriting struct {
	mu      sync.Mutex // guards all, and is held while records are stored
	scratch []byte
	part    int64          // the last one that was written to
	owners  map[int64]bool // whose records it has
}

// block gives records behind each other; it is valid until the next.
func (w *cdrWriting) block(list []CDR) []byte {
	b := w.scratch[:0]
	for i := range list {
		b = append(b, list[i].ID[:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(list[i].Record)))
		b = append(b, list[i].Record...)
	}
	if w.scratch = b; len(b) > cdrSpare {
		w.scratch = nil
	}
	return b
}

// note sees to it that the tenants of new records are found by their part.
func (w *cdrWriting) note(ctx context.Context, db *sql.Tx, first int64, list []CDR) error {
	for i := range list {
		if part := (first + int64(i)) / cdrPart; part != w.part || w.owners == nil {
			w.part, w.owners = part, map[int64]bool{}
		}
		for _, owner := range [...]int64{int64(list[i].Customer()), -int64(list[i].Company())} {
			if w.owners[owner] {
				continue
			}
			if _, err := db.ExecContext(ctx, "INSERT OR IGNORE INTO cdr_parts (owner, part) VALUES (?, ?)", owner, w.part); err != nil {
				return err
			}
			w.owners[owner] = true
		}
	}
	return nil
}
