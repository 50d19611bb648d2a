package traffic

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// reporting answers with its name and a load report: the first backend has much to spare.
func reporting(b *backend, w http.ResponseWriter, r *http.Request) {
	report := "TEXT rps_fractional=100,cpu_utilization=0.8"
	if b.name == "b0" {
		report = "TEXT rps_fractional=100,cpu_utilization=0.4"
	}
	switch r.URL.Path {
	case "/trailer":
		w.Header().Set("Trailer", "Endpoint-Load-Metrics, X-Sum")
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush()
		w.Header().Set("Endpoint-Load-Metrics", report)
		w.Header().Set("X-Sum", "17")
	case "/unannounced":
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush()
		w.Header().Set(http.TrailerPrefix+"Endpoint-Load-Metrics", report)
		w.Header().Set(http.TrailerPrefix+"X-Sum", "17")
	case "/hints":
		w.Header().Set("Endpoint-Load-Metrics", report)
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
	case "/hostile":
		w.Header().Set("Endpoint-Load-Metrics", "TEXT cpu_utilization="+strings.Repeat("9", 10_000))
	default:
		w.Header().Set("Endpoint-Load-Metrics", report)
	}
	writeName(b, w, r)
}

func TestLoadReportsAreTakenAndHiddenFromClients(t *testing.T) {
	for name, transport := range map[string]string{"HTTP/1": "", "HTTP/2": "transport http {\nversions h2c 2\n}\n"} {
		t.Run(name, func(t *testing.T) {
			fleet := startBackends(t, 1, reporting)
			p := startProxyWith(t, "metrics", poolWith(staticEndpoints(fleet, "")+"load_reports", transport))
			c := p.client()
			for _, path := range []string{"/", "/trailer", "/unannounced", "/hostile"} {
				a := expectOK(t)(c.get(path))
				if a.header["Endpoint-Load-Metrics"] != nil || a.trailer["Endpoint-Load-Metrics"] != nil {
					t.Errorf("%s: the client sees header %v, trailer %v", path, a.header, a.trailer)
				}
				if strings.Contains(strings.ToLower(a.header.Get("Trailer")), "load") {
					t.Errorf("%s: the trailer %s is announced", path, a.header.Get("Trailer"))
				}
				if wants := path == "/trailer" || path == "/unannounced"; wants != (a.trailer.Get("X-Sum") == "17") {
					t.Errorf("%s: the client got the trailer %v", path, a.trailer)
				}
				if a.body == "" {
					t.Errorf("%s: there is no body", path)
				}
			}
			p.expectSeries(map[string]float64{
				`pool_load_reports_total{pool="web",result="taken"}`:                                  3,
				`pool_load_reports_total{pool="web",result="ignored"}`:                                1,
				`endpoint_reported_utilization_ratio{endpoint="` + fleet[0].address + `",pool="web"}`: .4,
			})
		})
	}
}

func TestClientsSeeNoLoadReportInEarlyHints(t *testing.T) {
	for name, transport := range map[string]string{"HTTP/1": "", "HTTP/2": "transport http {\nversions h2c 2\n}\n"} {
		t.Run(name, func(t *testing.T) {
			fleet := startBackends(t, 1, reporting)
			c := startProxy(t, poolWith(staticEndpoints(fleet, "")+"load_reports", transport)).client()
			var hints []textproto.MIMEHeader
			trace := &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
				hints = append(hints, h)
				return nil
			}}
			ctx := httptrace.WithClientTrace(t.Context(), trace)
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/hints", nil)
			if err != nil {
				t.Fatal(err)
			}
			expectOK(t)(c.do(r))
			if len(hints) != 1 || hints[0].Get("Link") == "" || hints[0].Get("Endpoint-Load-Metrics") != "" {
				t.Errorf("the client got the early hints %v, want one with a link and no report", hints)
			}
		})
	}
}

func TestReportsPassThroughIfThePoolDoesNotTakeThem(t *testing.T) {
	p := startProxy(t, poolWith(staticEndpoints(startBackends(t, 1, reporting), ""), ""))
	if a := expectOK(t)(p.client().get("/")); a.header.Get("Endpoint-Load-Metrics") == "" {
		t.Error("the report was removed")
	}
	if a := expectOK(t)(p.client().get("/trailer")); a.trailer.Get("Endpoint-Load-Metrics") == "" {
		t.Error("the report was removed from the trailer")
	}
}

func TestRequestsFollowLoadReports(t *testing.T) {
	if testing.Short() {
		t.Skip("the reports count after ten seconds")
	}
	fleet := startBackends(t, 2, reporting)
	p := startProxyWith(t, "metrics", poolWith(staticEndpoints(fleet, "", "")+"load_reports", "lb_policy smooth_weighted_round_robin"))
	load := startLoad(t, p)
	series := fmt.Sprintf(`endpoint_effective_weight{endpoint="%s",pool="web"}`, fleet[0].address)
	eventually(t, "the weight follows the report", func() bool { return p.scrape()[series] > 1.3 })
	before := [2]int64{fleet[0].requests.Load(), fleet[1].requests.Load()}
	load.awaitDone(t, 3000)
	first, second := fleet[0].requests.Load()-before[0], fleet[1].requests.Load()-before[1]
	if share := float64(first) / float64(first+second); share < .65 || share > .68 {
		t.Errorf("the backend with two thirds of the capacity got %v of the requests", share)
	}
	if failed := load.stopAndCount(t); failed > 0 {
		t.Errorf("%d requests failed", failed)
	}
}

// orcaService answers calls with a load report in the trailer, as gRPC's own recorder of it does.
type orcaService struct {
	pb.UnimplementedTestServiceServer
}

func (orcaService) UnaryCall(ctx context.Context, _ *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	var report []byte
	for number, value := range map[protowire.Number]float64{6: 100, 9: .5} { // rate and utilization
		report = protowire.AppendTag(report, number, protowire.Fixed64Type)
		report = protowire.AppendFixed64(report, math.Float64bits(value))
	}
	err := grpc.SetTrailer(ctx, metadata.Pairs("endpoint-load-metrics-bin", string(report), "x-sum", "17"))
	return new(pb.SimpleResponse), err
}

func TestReportsOfGRPCServersAreTaken(t *testing.T) {
	address := caddytest.FreeAddress(t)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	backend := grpc.NewServer()
	pb.RegisterTestServiceServer(backend, orcaService{})
	go func() { _ = backend.Serve(listener) }()
	t.Cleanup(backend.Stop)
	p := startProxyWith(t, "metrics", poolWith(
		"source static "+address+"\nload_reports", "transport http {\nversions h2c 2\n}"))
	client, err := grpc.NewClient("unix:"+p.SiteSocket(0), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	var trailer metadata.MD
	call := pb.NewTestServiceClient(client)
	if _, err := call.UnaryCall(t.Context(), new(pb.SimpleRequest), grpc.Trailer(&trailer)); err != nil {
		t.Fatal(err)
	}
	if len(trailer["endpoint-load-metrics-bin"]) > 0 || len(trailer["x-sum"]) != 1 {
		t.Errorf("the client got the trailer %v", trailer)
	}
	p.expectSeries(map[string]float64{
		`pool_load_reports_total{pool="web",result="taken"}`:                         1,
		`endpoint_reported_utilization_ratio{endpoint="` + address + `",pool="web"}`: .5,
	})
}
