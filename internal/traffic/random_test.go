package traffic

import (
	"flag"
	"math/rand/v2"
	"testing"
)

var seedFlag = flag.Uint64("seed", 0, "the seed of tests that make random choices; 0 draws one")

// newSeed returns the seed of a test and logs how to run the test with it again. The choices are
// then the same, though not the moments at which they take effect.
func newSeed(t *testing.T) uint64 {
	t.Helper()
	seed := *seedFlag
	for seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat these random choices with -seed %d", seed)
	return seed
}

// newRand returns a generator for one goroutine. Generators of one seed differ by their stream.
func newRand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// pick returns n backends of the fleet, in random order.
func (f fleet) pick(r *rand.Rand, n int) (picked fleet) {
	for _, i := range r.Perm(len(f))[:n] {
		picked = append(picked, f[i])
	}
	return picked
}
