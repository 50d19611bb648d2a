package lbpolicy

type node struct {
	hash   uint64
	weight uint32
}
type rendezvous struct{ n []node }

const maxAttempts = 8

func newRendezvous(n []node) *rendezvous { return &rendezvous{n} }
func (z *rendezvous) owner(key uint64, attempt int) int {
	return int((key + uint64(attempt)) % uint64(len(z.n)))
}
func (z *rendezvous) nearest(key uint64, accept func(i int) bool) int {
	for i := range z.n {
		if accept(i) {
			return i
		}
	}
	return -1
}
