// Package loadreport reads what a backend says of its own load in its answers, in the formats of
// the Open Request Cost Aggregation (ORCA; gRFC A51).
package loadreport

import (
	"errors"
	"math"
	"net/http"
	"strings"
)

// Report is what a backend says of its load.
type Report struct {
	// Utilization is the part of its capacity that is in use. It may exceed 1.
	Utilization float64

	// Requests and Errors are their numbers in a second.
	Requests, Errors float64
}

// The fields of headers and trailers that have a report, in canonical form.
const (
	textField   = "Endpoint-Load-Metrics"
	binaryField = "Endpoint-Load-Metrics-Bin"
	jsonField   = "Endpoint-Load-Metrics-Json"
)

var fields = [...]string{binaryField, textField, jsonField}

// maxSize is the maximum length of a report. The reports of gRPC's own recorder take some hundred
// bytes with their named metrics, which are not read.
const maxSize = 8 << 10

// errorPenalty is what an error counts, as a multiple of the utilization at which every request
// fails. It is the default of gRFC A58.
const errorPenalty = 1

// Weight returns how many requests in a second the backend would serve at full utilization (gRFC
// A58). It is 0 for a report that says too little for that.
func (r Report) Weight() float64 {
	if r.Utilization <= 0 || r.Requests <= 0 {
		return 0
	}
	weight := r.Requests / (r.Utilization + r.Errors/r.Requests*errorPenalty)
	if math.IsInf(weight, 0) || math.IsNaN(weight) {
		return 0
	}
	return weight
}

// Take removes the report from a header or a trailer and returns it. found is false if there is
// none. An invalid report is removed too.
func Take(h http.Header) (r Report, found bool, err error) {
	for _, field := range fields {
		values, ok := h[field]
		if !ok {
			continue
		}
		delete(h, field)
		switch {
		case found:
			err = errors.New("several reports in one answer")
		case len(values) != 1:
			err = errors.New("several values of one field")
		default:
			r, err = read(field, values[0])
		}
		found = true
	}
	if err != nil {
		r = Report{}
	}
	return r, found, err
}

// read reads the value of a field. The prefix of a text says which format the rest is in; a text
// without one is a list of metrics.
func read(field, value string) (r Report, err error) {
	if len(value) > maxSize {
		return Report{}, errors.New("report is too long")
	}
	var numbers numbers
	switch format, rest, _ := strings.Cut(strings.TrimSpace(value), " "); {
	case field == binaryField:
		err = numbers.readBinary(value)
	case field == jsonField:
		err = numbers.readJSON(value)
	case strings.EqualFold(format, "BIN"):
		err = numbers.readBinary(rest)
	case strings.EqualFold(format, "JSON"):
		err = numbers.readJSON(rest)
	case strings.EqualFold(format, "TEXT"):
		err = numbers.readText(rest)
	default:
		err = numbers.readText(value)
	}
	if err != nil {
		return Report{}, err
	}
	return numbers.report()
}

// numbers are the fields of an xds.data.orca.v3.OrcaLoadReport that the weight follows from.
type numbers struct {
	CPU         float64 `json:"cpu_utilization"`
	Requests    float64 `json:"rps_fractional"`
	Errors      float64 `json:"eps"`
	Application float64 `json:"application_utilization"`
}

// report checks the numbers. What the application says of its utilization comes before that of the
// processor.
func (n *numbers) report() (Report, error) {
	for _, number := range [...]float64{n.CPU, n.Requests, n.Errors, n.Application} {
		if !(number >= 0) || math.IsInf(number, 1) {
			return Report{}, errors.New("number is negative, infinite or not a number")
		}
	}
	r := Report{Utilization: n.Application, Requests: n.Requests, Errors: n.Errors}
	if r.Utilization == 0 {
		r.Utilization = n.CPU
	}
	return r, nil
}
