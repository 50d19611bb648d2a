package loadreport

import (
	"encoding/base64"
	"math"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// message returns the binary message of a report with two metrics of its own.
func message(utilization, requests, errors float64) string {
	var m []byte
	double := func(number protowire.Number, value float64) {
		m = protowire.AppendFixed64(protowire.AppendTag(m, number, protowire.Fixed64Type), math.Float64bits(value))
	}
	double(fieldCPU, .99)
	named := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "queue")
	m = protowire.AppendBytes(protowire.AppendTag(m, 8, protowire.BytesType), named)
	double(fieldApplication, utilization)
	double(fieldRequests, requests)
	double(fieldErrors, errors)
	m = protowire.AppendVarint(protowire.AppendTag(m, 3, protowire.VarintType), 17)
	return base64.StdEncoding.EncodeToString(m)
}

func TestAllFormatsAreRead(t *testing.T) {
	want := Report{Utilization: .5, Requests: 100, Errors: 2}
	binary := message(.5, 100, 2)
	for _, given := range []struct{ field, value string }{
		{"endpoint-load-metrics-bin", binary},
		{"endpoint-load-metrics-bin", strings.TrimRight(binary, "=")},
		{"endpoint-load-metrics", "BIN " + binary},
		{"endpoint-load-metrics", "TEXT cpu_utilization=0.5, mem_utilization=0.8,rps_fractional=100,eps=2"},
		{"endpoint-load-metrics", "text cpu_utilization=0.9,application_utilization=0.5,rps_fractional=1e2,eps=2,"},
		{"endpoint-load-metrics", "cpu_utilization:0.5,rps_fractional:100,eps:2,named_metrics.queue:7"},
		{"endpoint-load-metrics", `JSON {"cpu_utilization": 0.5, "rps_fractional": 100, "eps": 2, "utilization": {"gpu": 0.1}}`},
		{"endpoint-load-metrics-json", `{"cpuUtilization": 0.5, "rpsFractional": 100, "eps": 2}`},
	} {
		h := http.Header{"Content-Type": {"text/plain"}}
		h.Set(given.field, given.value)
		got, found, err := Take(h)
		if err != nil || !found || got != want {
			t.Errorf("%s: %s: got %+v, %v, %v", given.field, given.value, got, found, err)
		}
		if len(h) != 1 {
			t.Errorf("%s: the header still has %v", given.field, h)
		}
	}
}

func TestAnAnswerWithoutAReportIsLeftAlone(t *testing.T) {
	h := http.Header{"Content-Type": {"text/plain"}}
	if _, found, err := Take(h); found || err != nil || len(h) != 1 {
		t.Errorf("got %v, %v, %v", found, err, h)
	}
	if _, found, _ := Take(nil); found {
		t.Error("there is a report in no header")
	}
}

func TestInvalidReportsAreRefusedAndRemoved(t *testing.T) {
	for name, h := range map[string]http.Header{
		"not a number":       {textField: {"TEXT cpu_utilization=NaN,rps_fractional=1"}},
		"infinite":           {textField: {"TEXT cpu_utilization=0.5,rps_fractional=Inf"}},
		"beyond a float":     {textField: {"TEXT cpu_utilization=1e999"}},
		"negative":           {textField: {"TEXT cpu_utilization=-0.1,rps_fractional=1"}},
		"negative errors":    {textField: {"TEXT cpu_utilization=0.1,rps_fractional=1,eps=-1"}},
		"no value":           {textField: {"TEXT cpu_utilization"}},
		"too long":           {textField: {"TEXT " + strings.Repeat("x=1,", 1<<13)}},
		"JSON":               {textField: {"JSON {"}},
		"JSON list":          {jsonField: {"[]"}},
		"Base64":             {binaryField: {"%%%"}},
		"binary, negative":   {binaryField: {message(-1, 1, 1)}},
		"binary, NaN":        {binaryField: {message(math.NaN(), 1, 1)}},
		"binary, cut off":    {binaryField: {base64.StdEncoding.EncodeToString([]byte{1<<3 | 1, 0})}},
		"binary, wrong type": {binaryField: {base64.StdEncoding.EncodeToString([]byte{0xff})}},
		"two values":         {binaryField: {message(.5, 1, 1), message(.5, 1, 1)}},
		"no values":          {binaryField: {}},
		"two fields":         {binaryField: {message(.5, 1, 1)}, textField: {"TEXT cpu_utilization=0.5"}},
	} {
		got, found, err := Take(h)
		if err == nil || !found || got != (Report{}) || len(h) > 0 {
			t.Errorf("%s: got %+v, %v, %v; left %v", name, got, found, err, h)
		}
	}
}

func TestTheWeightIsTheRateAtFullUtilization(t *testing.T) {
	for _, given := range []struct {
		report Report
		want   float64
	}{
		{Report{.5, 100, 0}, 200},
		{Report{2, 100, 0}, 50}, // overloaded
		{Report{.5, 100, 50}, 100},
		{Report{0, 100, 0}, 0},
		{Report{.5, 0, 0}, 0},
		{Report{5e-324, math.MaxFloat64, 0}, 0},
		{Report{.5, 5e-324, math.MaxFloat64}, 0},
	} {
		if got := given.report.Weight(); got != given.want {
			t.Errorf("%+v: got %v, want %v", given.report, got, given.want)
		}
	}
}

func FuzzTake(f *testing.F) {
	f.Add(byte(0), message(.5, 100, 2))
	f.Add(byte(1), "TEXT cpu_utilization=0.5")
	f.Add(byte(1), "BIN "+message(.5, 100, 2))
	f.Add(byte(2), `{"eps": 1}`)
	f.Fuzz(func(t *testing.T, field byte, value string) {
		r, found, err := Take(http.Header{fields[int(field)%len(fields)]: {value}})
		if !found {
			t.Error("the report was not found")
		}
		for _, number := range []float64{r.Utilization, r.Requests, r.Errors, r.Weight()} {
			if !(number >= 0) || math.IsInf(number, 0) {
				t.Errorf("%+v, %v has a number that is none", r, err)
			}
		}
	})
}
