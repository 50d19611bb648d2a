package lbpolicy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"
)

func nodesOf(weights ...uint32) []node {
	nodes := make([]node, len(weights))
	for i, w := range weights {
		nodes[i] = node{hash: xxhash.Sum64String(fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250)), weight: w}
	}
	return nodes
}

func equalNodes(n int) []node { return nodesOf(slices.Repeat([]uint32{1}, n)...) }

// homesOf maps keys to the hash of the node where they are at home.
func homesOf(nodes []node, keys int) []uint64 {
	z := newRendezvous(nodes)
	homes := make([]uint64, keys)
	for k := range homes {
		homes[k] = nodes[z.owner(mix(uint64(k)), 0)].hash
	}
	return homes
}

func TestTheOrderOfTheListDoesNotMatter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{2, 10, 33, 200} {
		nodes := equalNodes(n)
		for i := range nodes {
			nodes[i].weight = 1 + uint32(i%7)
		}
		want := homesOf(nodes, 5000)
		random.Shuffle(n, func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		if !slices.Equal(homesOf(nodes, 5000), want) {
			t.Errorf("%d nodes map otherwise when shuffled", n)
		}
	}
}

func TestOnlyTheShareOfWhoComesOrGoesMoves(t *testing.T) {
	const keys = 20000
	for _, n := range []int{2, 3, 10, 31, 32, 33, 34, 100, 1000} {
		nodes := equalNodes(n)
		for i := range nodes {
			nodes[i].weight = 1 + uint32(i%5)
		}
		before := homesOf(nodes, keys)
		leaver := nodes[n/2].hash
		after := homesOf(slices.Delete(slices.Clone(nodes), n/2, n/2+1), keys)
		heavier := slices.Clone(nodes)
		heavier[n/2].weight *= 2
		gained := homesOf(heavier, keys)
		for k := range keys {
			if before[k] != after[k] && before[k] != leaver {
				t.Fatalf("%d nodes: key %d moved though its node stayed", n, k)
			}
			if before[k] != gained[k] && gained[k] != leaver {
				t.Fatalf("%d nodes: key %d moved, but not to the node that gained weight", n, k)
			}
		}
	}
}

func TestTheTableSaysWhatEvaluationSays(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	for _, n := range []int{33, 100, 3000} {
		nodes := equalNodes(n)
		for i := range nodes {
			nodes[i].weight = uint32(random.IntN(100))
		}
		z := newRendezvous(nodes)
		for range 2000 {
			slot := random.Uint32N(slots)
			if got, want := int(z.winners[slot]), z.winner(slot, anyone); got != want {
				t.Fatalf("%d nodes: slot %d is %d's in the table, and %d's by evaluation", n, slot, got, want)
			}
		}
	}
}

func TestSharesFollowWeights(t *testing.T) {
	for name, weights := range map[string][]uint32{
		"two": {1, 1}, "three": {1, 1, 1}, "ten": slices.Repeat([]uint32{7}, 10), "1 to 10": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
		"65535 and 1": {65535, 1}, "60 30 10": {60, 30, 10}, "hundred": slices.Repeat([]uint32{3}, 100), "some without": {0, 5, 0, 15},
	} {
		nodes := nodesOf(weights...)
		z := newRendezvous(nodes)
		total, counts := 0.0, make([]float64, len(nodes))
		for _, w := range weights {
			total += float64(w)
		}
		for slot := range uint32(slots) {
			counts[z.winner(slot, anyone)]++
		}
		for i, c := range counts {
			share := float64(weights[i]) / total
			if sigma := math.Sqrt(slots * share * (1 - share)); math.Abs(c-share*slots) > 4*sigma {
				t.Errorf("%s: node %d of weight %d has %v slots, %.1f standard deviations from %v", name, i, weights[i], c, (c-share*slots)/sigma, share*slots)
			}
		}
	}
}

func TestTheKeysOfAMissingNodeSpreadEvenly(t *testing.T) {
	nodes := equalNodes(10)
	z := newRendezvous(nodes)
	const missing = 4
	counts, moved := make([]float64, 10), 0.0
	for k := range 100000 {
		for attempt := range maxAttempts {
			i := z.owner(mix(uint64(k)), attempt)
			if attempt == 0 && i != missing {
				break
			}
			if i != missing {
				counts[i]++
				moved++
				break
			}
		}
	}
	for i, c := range counts {
		if fair := moved / 9; i != missing && math.Abs(c-fair) > 5*math.Sqrt(fair) {
			t.Errorf("node %d got %v of %v keys; its part is %v", i, c, moved, fair)
		}
	}
}

func TestNearestWalksOverAllNodes(t *testing.T) {
	for _, n := range []int{5, 100} {
		z := newRendezvous(equalNodes(n))
		seen := make(map[int]bool)
		for range n {
			i := z.nearest(99, func(i int) bool { return !seen[i] })
			if i < 0 || seen[i] {
				t.Fatalf("of %d nodes, %d were found, and then %d", n, len(seen), i)
			}
			seen[i] = true
		}
		if i := z.nearest(99, func(int) bool { return false }); i != -1 {
			t.Errorf("%d was found though none is accepted", i)
		}
		if z.nearest(99, anyone) != z.owner(99, 0) {
			t.Error("the nearest is not where the key is at home")
		}
	}
}

func TestNobodyOwnsTheKeysOfAnEmptyList(t *testing.T) {
	for _, nodes := range [][]node{nil, nodesOf(0, 0), nodesOf(slices.Repeat([]uint32{0}, 50)...)} {
		if i := newRendezvous(nodes).owner(1, 0); i != -1 {
			t.Errorf("of %d nodes without weight %d owns a key", len(nodes), i)
		}
	}
}

func TestTheSameIdentityTwiceIsHarmless(t *testing.T) {
	nodes := append(equalNodes(40), equalNodes(40)...)
	z := newRendezvous(nodes)
	for k := range uint64(1000) {
		if i := z.owner(mix(k), 0); i >= 40 {
			t.Fatalf("key %d is at the second of two equal nodes, %d", k, i)
		}
	}
}

func BenchmarkRendezvousBuild(b *testing.B) {
	for _, n := range []int{3, 100, 10000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			nodes := equalNodes(n)
			for b.Loop() {
				newRendezvous(nodes)
			}
		})
	}
}

func BenchmarkRendezvousOwner(b *testing.B) {
	for _, n := range []int{10, 32, 1000, 10000} {
		for _, heaviest := range []int{1, 10} {
			b.Run(fmt.Sprintf("n=%d/weights=1-%d", n, heaviest), func(b *testing.B) {
				nodes := equalNodes(n)
				for i := range nodes {
					nodes[i].weight = 1 + uint32(i%heaviest)
				}
				z := newRendezvous(nodes)
				b.ReportAllocs()
				for key := uint64(0); b.Loop(); key += golden {
					z.owner(key, 0)
				}
			})
		}
	}
}
