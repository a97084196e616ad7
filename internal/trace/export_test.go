package trace

import "bytes"

// Skimmed gives a message as it is kept.
func Skimmed(data []byte) []byte {
	data = bytes.Clone(data)
	mask(data)
	return data
}

// ReadCases reads a segment's cases and says how many there are.
func ReadCases(data []byte, seq uint32) int {
	n := 0
	f := casesFile{seq, data}
	if checkHeader(data, caseSuffix, seq) != nil {
		return 0
	}
	f.each(func(c *storedCase) bool {
		d := c.decision(nil)
		_ = d.Ref
		n++
		return true
	})
	return n
}

// ReadMessage reads the record at a place of a file.
func ReadMessage(data []byte, at uint32) int { return len(readRecord(bytes.NewReader(data), at)) }
