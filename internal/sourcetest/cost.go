package sourcetest

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

const (
	// HostileSize is the size in bytes of an answer that is meant to do harm.
	HostileSize = 4 << 20

	// MaxCost is the maximum memory in bytes that such an answer may take at any moment, with all
	// that its source and the libraries below make of it.
	MaxCost = 64 << 20

	// sampleInterval is short enough for several samples while an answer is read.
	sampleInterval = time.Millisecond
)

// WantCheap calls do and expects that the heap, with its garbage, never grows by more than MaxCost
// meanwhile. It does not measure time, which depends on the machine. A busy machine collects
// garbage late, so do is called again if the heap grows by more, and the least of three counts.
func WantCheap(t *testing.T, do func()) {
	t.Helper()
	cost := Cost(do)
	for range 2 {
		if cost > MaxCost {
			cost = min(cost, Cost(do))
		}
	}
	if cost > MaxCost {
		t.Errorf("took %d MB; want at most %d MB", cost>>20, MaxCost>>20)
	} else {
		t.Logf("took %.1f MB", float64(cost)/(1<<20))
	}
}

// Cost calls do and returns by how many bytes the heap grew at most.
func Cost(do func()) int64 {
	runtime.GC()
	before := heap()
	ended, peak := make(chan struct{}), make(chan int64)
	go func() {
		highest := before
		for {
			select {
			case <-ended:
				peak <- max(highest, heap())
				return
			case <-time.After(sampleInterval):
				highest = max(highest, heap())
			}
		}
	}()
	do()
	close(ended)
	return <-peak - before
}

// heap returns the size of all objects on the heap, also those that are garbage.
func heap() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
