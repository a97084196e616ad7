// Package journal keeps records over the death of the process: each has a kind, an
// id and bytes; the last one of an id is what stands.
package journal
