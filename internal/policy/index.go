package policy

import "maps"

// fanout is the number of branches of an index, and of buckets of a branch.
const fanout = 64

// index is a persistent hash table: with and without give another index that shares all
// but one bucket with the old one, so that a change costs the same among 10 entries and
// among 100,000, and readers of the old one never notice. The zero index is empty.
//
// The caller brings the hash of each key, always by the same function.
type index[K comparable, V any] struct {
	root *[fanout]*[fanout]map[K]V
	n    int
}

// bucket is where a key of this hash would be; it may be nil, and is not to be written to.
func (x index[K, V]) bucket(hash uint64) map[K]V {
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
func (x index[K, V]) get(hash uint64, key K) (V, bool) {
	v, ok := x.bucket(hash)[key]
	return v, ok
}

// with is the index with key set to value.
func (x index[K, V]) with(hash uint64, key K, value V) index[K, V] {
	bucket := maps.Clone(x.bucket(hash))
	if bucket == nil {
		bucket = make(map[K]V, 1)
	}
	if _, had := bucket[key]; !had {
		x.n++
	}
	bucket[key] = value
	return x.replace(hash, bucket)
}

// without is the index without key.
func (x index[K, V]) without(hash uint64, key K) index[K, V] {
	bucket := x.bucket(hash)
	if _, had := bucket[key]; !had {
		return x
	}
	x.n--
	if len(bucket) == 1 {
		return x.replace(hash, nil)
	}
	bucket = maps.Clone(bucket)
	delete(bucket, key)
	return x.replace(hash, bucket)
}

func (x index[K, V]) replace(hash uint64, bucket map[K]V) index[K, V] {
	root, branch := new([fanout]*[fanout]map[K]V), new([fanout]map[K]V)
	if x.root != nil {
		*root = *x.root
	}
	if old := root[hash%fanout]; old != nil {
		*branch = *old
	}
	branch[hash/fanout%fanout] = bucket
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
			for k, v := range bucket {
				if !yield(k, v) {
					return
				}
			}
		}
	}
}
