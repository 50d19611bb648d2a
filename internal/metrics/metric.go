package metrics

import (
	"strconv"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// metric is a metric with its series still to come.
type metric struct {
	name   string
	help   string
	kind   dto.MetricType
	labels []string // in alphabetical order, as series have them
	desc   *prometheus.Desc
}

// all has every metric, in the order of the documentation.
var all []*metric

func define(kind dto.MetricType, name, help string, labels ...string) *metric {
	m := &metric{name: "caddy_balance_" + name, help: help, kind: kind, labels: labels}
	m.desc = prometheus.NewDesc(m.name, help, labels, nil)
	all = append(all, m)
	return m
}

func counter(name, help string, labels ...string) *metric {
	return define(dto.MetricType_COUNTER, name, help, labels...)
}

func gauge(name, help string, labels ...string) *metric {
	return define(dto.MetricType_GAUGE, name, help, labels...)
}

// series is one number of a metric. It implements prometheus.Metric. The series of an endpoint
// share their labels, which a constant metric of the client library would sort and check for each.
type series struct {
	*metric
	values []*dto.LabelPair
	value  float64
}

// Desc implements prometheus.Metric.
func (m *metric) Desc() *prometheus.Desc { return m.desc }

// Write implements prometheus.Metric.
func (s *series) Write(out *dto.Metric) error {
	out.Label = s.values
	if s.kind == dto.MetricType_COUNTER {
		out.Counter = &dto.Counter{Value: &s.value}
	} else {
		out.Gauge = &dto.Gauge{Value: &s.value}
	}
	return nil
}

// label returns a label. A value that is not valid would spoil all metrics of Caddy, so it is
// quoted instead.
func label(name, value string) *dto.LabelPair {
	if !utf8.ValidString(value) {
		value = strconv.QuoteToASCII(value)
	}
	return &dto.LabelPair{Name: &name, Value: &value}
}

// labels are values of one label that are made once.
func labelsOf[T ~uint8](name string, count int, text func(T) string) []*dto.LabelPair {
	made := make([]*dto.LabelPair, count)
	for i := range made {
		made[i] = label(name, text(T(i)))
	}
	return made
}
