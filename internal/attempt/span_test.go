package attempt

import (
	"context"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func TestAnAttemptIsAnEventOfTheSpan(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	ctx, span := provider.Tracer("test").Start(t.Context(), "request")
	roster, release := endpoint.AcquireStatic()
	defer release()
	roster.Replace([]listing.Info{{Address: "a:1", Weight: 1}})
	a := &Attempt{
		endpoint: roster.Snapshot().Members[0].Endpoint, transport: &Transport{}, status: 503, stage: answered,
		ending: endpoint.FailedStatus, reason: endpoint.Retry,
	}
	a.addToSpan(ctx)
	a.addToSpan(context.Background()) // does nothing
	span.End()
	ended := recorder.Ended()[0]
	if events := ended.Events(); len(events) != 1 || events[0].Name != "attempt" {
		t.Fatalf("the events are %+v", events)
	}
	var got []string
	for _, attribute := range ended.Events()[0].Attributes {
		got = append(got, string(attribute.Key)+"="+attribute.Value.String())
	}
	for _, want := range []string{
		"caddy.balance.endpoint.address=a:1", "caddy.balance.pick.reason=retry", "caddy.balance.outcome=failed",
		"caddy.balance.outcome.reason=status", "http.response.status_code=503",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing in %q", want, got)
		}
	}
}
