package dns

import (
	"context"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// earlyInterval is the time between two reports of a list that is not complete yet.
const earlyInterval = 200 * time.Millisecond

// runEarly is run. While requests wait for a first list, it also reports the part of the list that
// is known, because one question that gets no answer must not keep them from the rest.
func (l *lookup) runEarly(ctx context.Context, report discovery.Report) (discovery.Answer, error) {
	at, waits := discovery.FirstListBy(ctx)
	if !waits || l.source.listed {
		return l.run(ctx)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.reportEarly(running, at, report)
	}()
	defer func() {
		stop()
		<-done
	}()
	return l.run(ctx)
}

// reportEarly reports the part that is known each time it has grown, from a time on until ctx ends.
func (l *lookup) reportEarly(ctx context.Context, at time.Time, report discovery.Report) {
	reported := 0
	for pause := time.Until(at); discovery.Sleep(ctx, pause); pause = earlyInterval {
		if l.exceeded() != nil {
			return
		}
		part := l.endpoints()
		if len(part.Endpoints) > reported {
			reported = len(part.Endpoints)
			part.Partial, part.Dropped = true, append(part.Dropped, l.unanswered()...)
			report(part)
		}
	}
}
