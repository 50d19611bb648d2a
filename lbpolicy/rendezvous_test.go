package lbpolicy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func alike(int) uint32      { return 1 }
func oneToTen(i int) uint32 { return uint32(i%10 + 1) }
func extreme(i int) uint32  { return uint32(max(1, 65535-i<<16)) }

var weightings = map[string]func(int) uint32{"Equal": alike, "OneToTen": oneToTen, "Extreme": extreme}

func testNodes(n int, seed uint64, weight func(int) uint32) []node {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	nodes := make([]node, n)
	for i := range nodes {
		nodes[i] = node{hash: r.Uint64(), weight: weight(i)}
	}
	return nodes
}

func reweighted(nodes []node, i int, weight uint32) []node {
	nodes = slices.Clone(nodes)
	nodes[i].weight = weight
	return nodes
}

// named identifies owners by hash, because lists may differ in order and length.
type named struct {
	*rendezvous
	nodes []node
}

func newNamed(nodes []node) named { return named{withTable(nodes), nodes} }

func (z named) ownerHash(key uint64) uint64 { return z.nodes[z.owner(key, int(key%3))].hash }

func wantMovesOnlyTo(t *testing.T, to uint64, before, after named) (moved int) {
	t.Helper()
	for key := range uint64(5_000) {
		x, y := before.ownerHash(key), after.ownerHash(key)
		if x == y {
			continue
		}
		if moved++; y != to {
			t.Fatalf("%d nodes: key %d moved between bystanders %x and %x", len(after.nodes), key, x, y)
		}
	}
	return moved
}

func TestOnlyTheShareOfTheChangedNodeMoves(t *testing.T) {
	for name, sizes := range map[string][]int{ // the sizes include tableFrom, and joins cross it
		"Equal": {2, 3, 10, 31, 32, 33, 34, 1000}, "OneToTen": {3, 100}, "Extreme": {2, 100},
	} {
		for _, n := range sizes {
			nodes := testNodes(n, 1, weightings[name])
			one, reversed := nodes[0], slices.Clone(nodes)
			slices.Reverse(reversed)
			now := newNamed(reversed)
			wantMovesOnlyTo(t, one.hash, newNamed(reweighted(nodes, 0, 0)), now) // the node is filled, or drained
			wantMovesOnlyTo(t, one.hash, now, newNamed(reweighted(nodes, 0, one.weight*2)))
			if wantMovesOnlyTo(t, one.hash, newNamed(nodes[1:]), now) == 0 { // the node joins, or leaves
				t.Errorf("%s, %d nodes: nothing moved", name, n)
			}
		}
	}
}

// A map that differs between releases or processors would move keys as long as proxies of both
// kinds serve.
func TestTheMapIsTheSameInEveryReleaseOnEveryProcessor(t *testing.T) {
	for n, want := range map[int]uint64{10: 0xdbb75433e5df229d, 100: 0xa55ddb7233cbdadf} {
		z, sum := newNamed(testNodes(n, 3, oneToTen)), uint64(0)
		for key := range uint64(1 << 14) {
			sum = mix(sum ^ z.ownerHash(key))
		}
		if sum != want {
			t.Errorf("%d nodes: checksum %#x, want %#x", n, sum, want)
		}
	}
}

func TestExposureIsAMonotonicLogarithm(t *testing.T) {
	last := 0.0
	for at := uint64(0); at < arrivalSteps; at += 1 + at>>14 {
		got, want := exposure(uint32(at)), -math.Log1p(-(float64(at)+0.5)/arrivalSteps)*arrivalSteps
		if math.Abs(got/want-1) > 2e-6 || got < last || got <= float64(at) {
			t.Fatalf("exposure(%d) = %v after %v, want about %v", at, got, last, want)
		}
		last = got
	}
}

// wantShares allows 4 sigma, because the keys are a sample, and so are the slots (see slotBits).
func wantShares(t *testing.T, counts []float64, nodes []node, slots float64) {
	t.Helper()
	var keys, total float64
	for i, n := range nodes {
		keys += counts[i]
		total += float64(n.weight)
	}
	for i, n := range nodes {
		p := float64(n.weight) / total
		sigma := math.Sqrt(keys * p * (1 - p) * (1 + 0.3*keys/slots))
		if math.Abs(counts[i]-keys*p) > 4*sigma {
			t.Errorf("node %d of %d, weight %d of %v: %v keys, want %.0f ± %.0f",
				i, len(nodes), n.weight, total, counts[i], keys*p, sigma)
		}
	}
}

func TestSharesFollowWeights(t *testing.T) {
	const pools = 2
	for _, weight := range weightings {
		for _, n := range []int{2, 3, 10, 100} {
			counts := make([]float64, n)
			for pool := range uint64(pools) {
				z := newRendezvous(testNodes(n, pool, weight))
				for key := range uint64(50_000) {
					counts[z.owner(key, int(pool%2))]++
				}
			}
			wantShares(t, counts, testNodes(n, 0, weight), pools*slotCount)
		}
	}
}

func TestKeysOfAMissingNodeSpreadOverTheOthersByWeight(t *testing.T) {
	const n, missing, pools, keys = 10, 4, 5, 20_000
	for _, weight := range []func(int) uint32{alike, oneToTen} {
		next, among, missed := make([]float64, n), make([]float64, n), 0.0
		for pool := range uint64(pools) {
			z := newRendezvous(testNodes(n, pool, weight))
			for key := range uint64(keys) {
				step := 0
				for step < 50 && z.owner(key, step) == missing {
					step++
				}
				if step > 0 {
					missed++
					next[z.owner(key, step)]++
					among[z.ownerAmong(key, func(i int) bool { return i != missing })]++
				}
			}
		}
		others := reweighted(testNodes(n, 0, weight), missing, 0)
		wantShares(t, next, others, slotCount*missed/keys) // the slots of the missing node in all pools
		wantShares(t, among, others, slotCount*missed/keys)
	}
}

func TestTheOwnerAmongSomeIsThatOfAListOfThem(t *testing.T) {
	nodes := testNodes(70, 7, oneToTen)
	all, some := newRendezvous(nodes), newRendezvous(nodes[35:])
	for key := range uint64(5_000) {
		got := all.ownerAmong(key, func(i int) bool { return i >= 35 })
		if want := 35 + some.owner(key, 0); got != want {
			t.Fatalf("key %d: got %d, want %d", key, got, want)
		}
	}
}

func TestAKeyHasNoOwnerWithoutWeightOrAcceptance(t *testing.T) {
	for _, nodes := range [][]node{nil, make([]node, 3), make([]node, 40)} { // all of weight 0
		if got := newRendezvous(nodes).owner(1, 0); got != -1 {
			t.Errorf("%d drained nodes: owner %d, want -1", len(nodes), got)
		}
	}
	if got := newRendezvous(testNodes(10, 8, alike)).ownerAmong(1, func(int) bool { return false }); got != -1 {
		t.Errorf("none accepted: owner %d, want -1", got)
	}
}

func TestOfNodesWithOneHashTheHeaviestOwnsTheKeys(t *testing.T) {
	for _, n := range []int{3, 50} {
		nodes := testNodes(n, 9, alike)
		twins := append(slices.Clone(nodes), nodes[0], node{nodes[1].hash, 3}, node{nodes[2].hash, 0})
		single, double := newRendezvous(reweighted(nodes, 1, 3)), newRendezvous(twins)
		for key := range uint64(5_000) {
			want := single.owner(key, 0)
			if want == 1 {
				want = n + 1
			}
			if got := double.owner(key, 0); got != want {
				t.Fatalf("%d nodes: key %d belongs to %d, want %d", n, key, got, want)
			}
		}
	}
}

func TestLookingUpDoesNotAllocate(t *testing.T) {
	for _, n := range []int{10, 100} {
		z := newRendezvous(testNodes(n, 10, oneToTen))
		look := func() { z.ownerAmong(1, func(i int) bool { return i != z.owner(2, z.steps()) }) }
		if got := testing.AllocsPerRun(100, look); got != 0 {
			t.Errorf("%d nodes: %v allocations", n, got)
		}
	}
}

func BenchmarkRendezvous(b *testing.B) {
	for _, n := range []int{3, 10, 32, 33, 1000, 10000} {
		for name, weight := range map[string]func(int) uint32{"Equal": alike, "OneToTen": oneToTen} {
			nodes := testNodes(n, 11, weight)
			z := withTable(nodes)
			b.Run(fmt.Sprintf("Owner/%d%s", n, name), func(b *testing.B) {
				for key := uint64(0); b.Loop(); key++ {
					z.owner(key, 0)
				}
			})
			b.Run(fmt.Sprintf("Build/%d%s", n, name), func(b *testing.B) {
				for b.Loop() {
					withTable(nodes)
				}
			})
		}
	}
}
