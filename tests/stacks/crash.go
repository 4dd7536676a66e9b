// Ways to end, for stacks that are compared: crash MODE.
package main

import (
	"os"
	"sort"
)

var sink int

func store(p *int, n int) int {
	*p = n
	return n + 1
}

func between(p *int, n int) int {
	return store(p, n*3) + 1
}

//go:noinline
func innermost(p *int, n int) int {
	sink += n
	n = between(p, n)
	sink += n
	return n
}

//go:noinline
func outer(p *int, n int) int {
	n = innermost(p, n+1)
	sink += n
	return n
}

type list []int

func (l list) Len() int { return len(l) }

//go:noinline
func (l list) Less(i, j int) bool {
	sink += outer(nil, i)
	return l[i] < l[j]
}
func (l list) Swap(i, j int) { l[i], l[j] = l[j], l[i] }

func main() {
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case "nil":
		sink += outer(nil, len(os.Args))
	case "callback":
		sort.Sort(list{3, 1, 2})
	case "goroutine":
		done := make(chan int)
		go func() { done <- outer(nil, 1) }()
		sink += <-done
	}
	os.Exit(99)
}
