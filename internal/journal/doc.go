// Package journal keeps records over the death of the process: each has a kind, an
// id and bytes; the last one of an id is what stands.
//
// It is not its job to know what is in a record, nor to keep what must never be
// lost: that is the store's. It has no RFC.
//
// # What survives what
//
// Records are copied into mapped files. A process that is killed (kill -9, a panic,
// the kernel's memory killer) loses nothing that Put or Delete has returned from,
// since the mapped pages are the kernel's. When the machine dies (power, kernel
// panic) the last second may be lost: that often everything goes to the disk.
// A disk that lies about that, or fails, is not covered.
//
// # Files
//
// A journal is a folder of segments, NNNNNNNN.journal, and a file "lock" that one
// process holds. A segment's space is reserved when it is made, so a full disk is
// an error there and never a fault in a mapped page. Numbers are little endian.
//
//	segment   header, records, zeros
//	header    magic "TGjourn\n", u32 format, u32 bytes of the segment, u64 sequence,
//	          u32 crc32c of these, u32 0
//	record    u32 length of what follows the crc, u32 crc32c over that,
//	          u8 kind, u8 op, [12] id, u16 0, data; zeros up to a multiple of 8
//
// A record's length is written last, in one store: before that the record is not
// there. A length of 0 ends a segment. After a start nothing is appended to what
// an earlier process wrote, so what it left half written is never continued.
// Where a record is damaged its segment ends; later segments are still read.
//
// # Checkpoints
//
// When much was written since the last checkpoint, a new segment begins with a mark,
// the owner puts every live record again (others go on putting and deleting), a
// second mark follows, and all earlier segments go. A crash at any point of that
// is right: until the second mark is on the disk the earlier segments count, and
// the last record of an id wins wherever it stands; from then on they count no more.
//
// This asks one thing of the owner. He calls Put and Delete under the lock that
// guards the object, for the checkpoint as for all else, and a new object is where
// the checkpoint's walk will find it before that lock is free. Then a Delete that
// comes while the walk goes on stands behind the walk's Put of the same id, or the
// walk does not find the object any more; and no object is kept in old segments only.
package journal
