package load

import (
	"testing"
	"time"
)

func BenchmarkFind(b *testing.B) {
	var table Routes
	for _, path := range []string{"/", "/users/17/orders", "/api/v2/shops/17/orders/123e4567-e89b-12d3-a456-426614174000/items"} {
		b.Run(path[:min(len(path), 20)], func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				k := KeyOf(Plain, "GET", path)
				table.Find(&k, second)
			}
		})
	}
}

func BenchmarkFindOfUnknownRoutesInAFullTable(b *testing.B) {
	table := filled()
	b.ReportAllocs()
	k := get("/an_unknown/path")
	for range b.N {
		k.exact, k.section = mix(k.exact), mix(k.section)
		table.Find(&k, second)
	}
}

func BenchmarkFindInParallel(b *testing.B) {
	var table Routes
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			find(&table, "/users/17/orders", second)
		}
	})
}

func BenchmarkAttempt(b *testing.B) {
	p, r := cleanPool()
	l, now := &p.endpoints[0], p.now
	var request Request
	b.ReportAllocs()
	for range b.N {
		now += second / 1000
		request = Request{}
		l.Begin(&request, &p.Routes, r, false, now)
		l.Conclude(&request, now+5e6, Answered, decay)
		l.End(&request, now+5e6, decay)
	}
}

// BenchmarkAttemptInParallel lets each goroutine use an endpoint of its own, with one table.
func BenchmarkAttemptInParallel(b *testing.B) {
	p, r := cleanPool()
	b.RunParallel(func(pb *testing.PB) {
		var l Load
		now := p.now
		for pb.Next() {
			now += second / 1000
			var request Request
			l.Begin(&request, &p.Routes, r, false, now)
			l.Conclude(&request, now+5e6, Answered, decay)
			l.End(&request, now+5e6, decay)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	p, r := cleanPool()
	for range 20 {
		p.send(0, r)
	}
	p.now += at(time.Millisecond)
	b.ReportAllocs()
	for range b.N {
		p.read(0)
	}
}

func BenchmarkParked(b *testing.B) {
	p, r, _ := mixedPool()
	for range b.N {
		p.Parked(r)
	}
}
