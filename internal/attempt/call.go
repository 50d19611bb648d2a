package attempt

import (
	"net/http"
	"strconv"

	"google.golang.org/grpc/codes"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// beginCall looks for the status of a call of gRPC. It is in the header of an answer without
// messages, and otherwise in the trailer, for which it waits.
func (a *Attempt) beginCall(req *http.Request, res *http.Response) {
	if !isCall(req) || res.StatusCode != http.StatusOK {
		return
	}
	if isFailedCall(res.Header) {
		a.observeFailedCall()
	} else {
		a.call = res
	}
}

// endCall looks for the status in the trailer. Only the goroutine that reads the body calls it.
func (a *Attempt) endCall() {
	if a.call != nil && isFailedCall(a.call.Trailer) {
		a.observeFailedCall()
	}
	a.call = nil
}

func (a *Attempt) observeFailedCall() {
	a.endpoint.ObserveCall(endpoint.Result{
		Failed: true, Late: true, Trial: a.trial != 0, Route: a.route.Route,
	})
}

// isFailedCall reports whether a call has one of the statuses that are 500 or more in HTTP, by
// Envoy's mapping. The others are answers, such as NOT_FOUND.
func isFailedCall(fields http.Header) bool {
	status, err := strconv.ParseUint(fields.Get("Grpc-Status"), 10, 32)
	if err != nil {
		return false
	}
	switch codes.Code(status) {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable,
		codes.DataLoss:
		return true
	}
	return false
}
