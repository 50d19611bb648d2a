package simulation

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// visit is one job in a sharing server: when it comes, its work, and when it should leave, in
// milliseconds.
type visit struct{ at, work, leaves int }

func TestASharingServerGivesEachJobItsPartOfTheCores(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cores  int
		speed  float64
		visits []visit
	}{
		{"one job has one core", 4, 1, []visit{{0, 100, 100}}},
		{"a machine twice as fast takes half the time", 4, 2, []visit{{0, 100, 50}}},
		{"as many jobs as cores do not disturb each other", 2, 1, []visit{{0, 100, 100}, {20, 100, 120}}},
		{"two jobs share one core", 1, 1, []visit{{0, 100, 200}, {0, 100, 200}}},
		{"three jobs share two cores", 2, 1, []visit{{0, 100, 150}, {0, 100, 150}, {0, 100, 150}}},
		{"a short job overtakes a long one", 1, 1, []visit{{0, 100, 150}, {20, 50, 120}}},
		{"a gap does not matter", 1, 1, []visit{{0, 10, 10}, {500, 10, 510}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				expectVisits(t, newSharing(tt.cores, tt.speed), tt.visits)
			})
		})
	}
}

func TestAJobTakesAsLongAsItsServerStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharing(1, 1)
		time.AfterFunc(30*time.Millisecond, func() { s.setSpeed(0) })
		time.AfterFunc(230*time.Millisecond, func() { s.setSpeed(2) })
		expectVisits(t, s, []visit{{0, 100, 265}}) // 30 at speed 1, 200 in vain, 70 at speed 2
	})
}

func TestAnAbandonedJobLeavesItsPartToTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharing(1, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Millisecond)
		defer cancel()
		go s.serve(ctx, time.Second)
		expectVisits(t, s, []visit{{0, 100, 120}}) // 40 at half speed, 80 alone
	})
}

// expectVisits sends the jobs to a server and checks when each leaves.
func expectVisits(t *testing.T, s *sharing, visits []visit) {
	t.Helper()
	start := time.Now()
	var all sync.WaitGroup
	for _, v := range visits {
		all.Go(func() {
			time.Sleep(time.Duration(v.at) * time.Millisecond)
			if err := s.serve(t.Context(), time.Duration(v.work)*time.Millisecond); err != nil {
				t.Error(err)
			}
			if left := time.Since(start).Round(time.Microsecond); left != time.Duration(v.leaves)*time.Millisecond {
				t.Errorf("the job of %d ms that came at %d left at %v; expected %d ms", v.work, v.at, left, v.leaves)
			}
		})
	}
	all.Wait()
}

func TestWorkersServeInTheOrderOfArrival(t *testing.T) {
	for _, tt := range []struct {
		name    string
		workers int
		visits  []visit
	}{
		{"a short job waits behind a long one", 1, []visit{{0, 100, 100}, {10, 10, 110}}},
		{"two workers", 2, []visit{{0, 100, 100}, {10, 10, 20}, {15, 30, 50}, {16, 60, 110}}},
		{"an idle worker", 2, []visit{{0, 10, 10}, {50, 10, 60}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { expectVisits(t, newWorkers(tt.workers, 1), tt.visits) })
		})
	}
}

func TestAnAbandonedJobLeavesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWorkers(1, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Millisecond)
		defer cancel()
		go func() {
			time.Sleep(10 * time.Millisecond)
			_ = s.serve(ctx, time.Second)
		}()
		expectVisits(t, s, []visit{{0, 100, 100}, {20, 10, 110}})
	})
}
