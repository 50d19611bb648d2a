package load

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func (l *requests) all() (all []*Request) {
	for r := l.first; r != nil; r = r.next {
		all = append(all, r)
	}
	return all
}

func TestRequestsAreInTheOrderOfTheirLatestStage(t *testing.T) {
	var l requests
	var a, b, c Request
	for _, r := range []*Request{&a, &b, &c, &a} {
		l.moveToEnd(r)
	}
	if got := l.all(); !slices.Equal(got, []*Request{&b, &c, &a}) {
		t.Errorf("got %v", got)
	}
	l.remove(&c)
	l.remove(&c) // is not there any more
	if got := l.all(); !slices.Equal(got, []*Request{&b, &a}) {
		t.Errorf("got %v", got)
	}
}

func TestAListOfRequestsIsLikeASlice(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var l requests
	var want []*Request
	room := make([]Request, 20)
	for range 10_000 {
		r := &room[random.IntN(len(room))]
		if i := slices.Index(want, r); i >= 0 {
			want = slices.Delete(want, i, i+1)
		}
		if random.IntN(2) == 0 {
			l.remove(r)
		} else {
			l.moveToEnd(r)
			want = append(want, r)
		}
		if !slices.Equal(l.all(), want) {
			t.Fatal("they differ")
		}
	}
	if len(want) > 0 && l.last != want[len(want)-1] {
		t.Error("the last one is another")
	}
}
