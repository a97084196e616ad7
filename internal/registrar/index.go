package registrar

import "math/bits"

// index finds values by 32 bits that are spread evenly, as hashes with a secret key are, and that
// several values may have: the caller asks each whether it is the one. It is a table with open
// addressing: a look-up reads one place of it, where a map reads four, one after the other, each a
// cache miss among a million. A value is never the zero one. The zero index is empty.
type index[V comparable] struct {
	cells []cell[V] // a power of two, at most three quarters of them in use
	n     int
}

type cell[V comparable] struct {
	print uint32
	value V // zero: free
}

const leastCells = 8

// home is where a print is looked for first. The upper bits say it: the lower ones may have chosen
// the stripe.
func (x *index[V]) home(print uint32) int {
	return int(print >> (33 - bits.Len(uint(len(x.cells)))))
}

// first gives the cell of the first value with a print, -1 if there is none.
func (x *index[V]) first(print uint32) int {
	if x.n == 0 {
		return -1
	}
	return x.from(print, x.home(print))
}

// after gives the next one with a print behind cell i.
func (x *index[V]) after(print uint32, i int) int { return x.from(print, x.next(i)) }

func (x *index[V]) from(print uint32, i int) int {
	var free V
	for ; x.cells[i].value != free; i = x.next(i) {
		if x.cells[i].print == print {
			return i
		}
	}
	return -1
}

func (x *index[V]) next(i int) int { return (i + 1) & (len(x.cells) - 1) }

// add takes a value.
func (x *index[V]) add(print uint32, value V) {
	if 4*(x.n+1) > 3*len(x.cells) {
		x.grow()
	}
	x.n++
	x.put(cell[V]{print, value})
}

func (x *index[V]) put(c cell[V]) {
	var free V
	i := x.home(c.print)
	for x.cells[i].value != free {
		i = x.next(i)
	}
	x.cells[i] = c
}

// swap puts a value in the stead of another one with the same print, which must be there. The
// zero value: there is none any more.
func (x *index[V]) swap(print uint32, old, now V) {
	i := x.first(print)
	for x.cells[i].value != old {
		i = x.after(print, i)
	}
	var none V
	if now == none {
		x.remove(i)
		return
	}
	x.cells[i].value = now
}

// remove frees a cell, and moves up what stands behind it because it was taken.
func (x *index[V]) remove(i int) {
	var free V
	mask := len(x.cells) - 1
	for j := x.next(i); x.cells[j].value != free; j = x.next(j) {
		if (j-x.home(x.cells[j].print))&mask >= (j-i)&mask {
			x.cells[i] = x.cells[j]
			i = j
		}
	}
	x.cells[i] = cell[V]{}
	x.n--
}

func (x *index[V]) grow() {
	var free V
	was := x.cells
	x.cells = make([]cell[V], max(2*len(was), leastCells))
	for _, c := range was {
		if c.value != free {
			x.put(c)
		}
	}
}
