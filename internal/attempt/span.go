package attempt

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// addToSpan makes the attempt an event of the request's span, which Caddy's tracing makes. The
// attributes of the span are those of the last attempt. Without tracing it does nothing.
func (a *Attempt) addToSpan(ctx context.Context) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	record := a.forLog()
	pool, member := a.transport.member(a.endpoint)
	about := []attribute.KeyValue{
		attribute.String("caddy.balance.pool", pool),
		attribute.String("caddy.balance.endpoint.address", record.Address),
		attribute.String("caddy.balance.pick.reason", record.Pick),
	}
	if member != nil {
		about = append(about,
			attribute.String("caddy.balance.endpoint.id", member.Info.Key()),
			attribute.String("caddy.balance.endpoint.zone", member.Info.Zone))
	}
	span.SetAttributes(about...)
	about = append(about,
		attribute.String("caddy.balance.outcome", record.Outcome),
		attribute.String("caddy.balance.outcome.reason", record.Reason))
	if record.Status != 0 {
		about = append(about, attribute.Int("http.response.status_code", record.Status))
	}
	span.AddEvent("attempt", trace.WithAttributes(about...))
}
