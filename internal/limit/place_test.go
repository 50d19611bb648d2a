package limit

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// held returns a place at a gate for one request.
func held(t *testing.T, g *Gate) *Place {
	t.Helper()
	if !g.TryEnter() {
		t.Fatal("the gate is full")
	}
	p := new(Place)
	p.Hold(g, nil)
	return p
}

func TestASharedPlaceCountsOnceAndIsFreeWhenAllHaveLeft(t *testing.T) {
	g := newGate(1, 0, 0)
	first := held(t, g)
	var second, third Place
	if !second.Share(first, g) || !third.Share(&second, g) || g.InFlight() != 1 {
		t.Fatalf("%d are inside", g.InFlight())
	}
	first.Leave()
	first.Leave() // again, which must not count
	second.Leave()
	if g.InFlight() != 1 || g.TryEnter() || !third.Held() {
		t.Error("the place is free while one holds it")
	}
	third.Leave()
	if g.InFlight() != 0 || !g.TryEnter() {
		t.Error("the place is not free")
	}
}

func TestAPlaceThatWasLeftOrIsElsewhereIsNotShared(t *testing.T) {
	g := newGate(1, 0, 0)
	first := held(t, g)
	var second Place
	if second.Share(first, newGate(1, 0, 0)) {
		t.Error("it is the place of another gate")
	}
	first.Leave()
	if second.Share(first, g) || second.Held() || g.InFlight() != 0 {
		t.Error("a place that was left is held")
	}
}

func TestSharesThatAreLeftAtOnceFreeOnePlace(t *testing.T) {
	g := newGate(1, 10, time.Hour)
	for range 200 {
		first := held(t, g)
		shares := make([]Place, 8)
		var all sync.WaitGroup
		for i := range shares {
			all.Go(func() {
				shares[i].Share(first, g)
				shares[i].Leave()
			})
		}
		all.Go(first.Leave)
		all.Wait()
		if g.InFlight() != 0 {
			t.Fatalf("%d are inside", g.InFlight())
		}
	}
}

func TestAnEndpointThatIsFreedAfterThePlaceWasLeftLetsTheNextRequestLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0, 10, time.Hour)
		leaving, waiting := held(t, g), held(t, g)
		w, result := NewWaiter(Normal), make(chan Result, 1)
		requeue := func() { result <- g.Requeue(t.Context(), w, waiting, g.Frees()) }
		go requeue()
		synctest.Wait()
		leaving.Leave()
		if got := <-result; got != Entered {
			t.Fatalf("result is %d", got)
		}
		waiting.Hold(g, w) // it looks, and the endpoint has no room yet
		go requeue()
		synctest.Wait()
		leaving.Freed()
		synctest.Wait()
		if len(result) == 0 {
			t.Error("the request waits on")
		}
	})
}
