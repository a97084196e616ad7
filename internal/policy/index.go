package policy

import "slices"

// fanout is the number of branches of an index, and of buckets of a branch.
const fanout = 64

// index is a persistent hash table: with and without give another index that shares all
// but one bucket with the old one, so that a change costs the same among 10 entries and
// among 100,000, and readers of the old one never notice. The zero index is empty.
//
// The caller brings the hash of each key, always by the same function. Its lowest 12 bits
// choose the bucket; the entries of a bucket stand in a row and keep their hash, so that a
// look-up touches little memory.
type index[K comparable, V any] struct {
	root *[fanout]*[fanout][]entry[K, V]
	n    int
}

type entry[K comparable, V any] struct {
	hash  uint64
	key   K
	value V
}

// bucket is where a key of this hash would be; not to be written to.
func (x index[K, V]) bucket(hash uint64) []entry[K, V] {
	if x.root == nil {
		return nil
	}
	branch := x.root[hash%fanout]
	if branch == nil {
		return nil
	}
	return branch[hash/fanout%fanout]
}

// get finds a key.
func (x index[K, V]) get(hash uint64, key K) (value V, ok bool) {
	bucket := x.bucket(hash)
	if i := find(bucket, hash, key); i >= 0 {
		return bucket[i].value, true
	}
	return value, false
}

func find[K comparable, V any](bucket []entry[K, V], hash uint64, key K) int {
	for i := range bucket {
		if bucket[i].hash == hash && bucket[i].key == key {
			return i
		}
	}
	return -1
}

// with is the index with key set to value.
func (x index[K, V]) with(hash uint64, key K, value V) index[K, V] {
	old := x.bucket(hash)
	i := find(old, hash, key)
	if i < 0 {
		x.n++
		return x.replace(hash, append(slices.Clip(old), entry[K, V]{hash, key, value}))
	}
	bucket := slices.Clone(old)
	bucket[i].value = value
	return x.replace(hash, bucket)
}

// without is the index without key.
func (x index[K, V]) without(hash uint64, key K) index[K, V] {
	old := x.bucket(hash)
	i := find(old, hash, key)
	if i < 0 {
		return x
	}
	x.n--
	return x.replace(hash, slices.Concat(old[:i], old[i+1:]))
}

func (x index[K, V]) replace(hash uint64, bucket []entry[K, V]) index[K, V] {
	root, branch := new([fanout]*[fanout][]entry[K, V]), new([fanout][]entry[K, V])
	if x.root != nil {
		*root = *x.root
	}
	if old := root[hash%fanout]; old != nil {
		*branch = *old
	}
	branch[hash/fanout%fanout] = slices.Clip(bucket)
	root[hash%fanout] = branch
	x.root = root
	return x
}

// all yields every entry, in no order.
func (x index[K, V]) all(yield func(K, V) bool) {
	if x.root == nil {
		return
	}
	for _, branch := range x.root {
		if branch == nil {
			continue
		}
		for _, bucket := range branch {
			for i := range bucket {
				if !yield(bucket[i].key, bucket[i].value) {
					return
				}
			}
		}
	}
}
