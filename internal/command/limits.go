package command

import (
	"fmt"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// limitsAnswer is what the limits of a pool do.
type limitsAnswer struct {
	MaxInFlight int `json:"max_in_flight"`
	Admitted    int `json:"admitted"`
	QueueLength int `json:"queue_length"`

	Classes map[string]struct {
		Waiting int `json:"waiting"`
		Shed    int `json:"shed"`
	} `json:"classes"`

	RetriesLeft    *int `json:"retries_left"`
	RefusedRetries int  `json:"refused_retries"`
}

// hedgesAnswer is what became of second attempts.
type hedgesAnswer struct{ Won, Lost, Refused int }

// waiting returns the number of requests that wait in the queue. It works on nil.
func (l *limitsAnswer) waiting() (n int) {
	if l == nil {
		return 0
	}
	for _, c := range l.Classes {
		n += c.Waiting
	}
	return n
}

// usage says how far the limits, groups and tables of sessions of a pool are used, as far as it has
// any, one of them a line.
func (p *poolAnswer) usage(now time.Time) []string {
	all := p.Limits.lines()
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if h := p.Hedges; h != nil {
		add("hedges: %d of %d won, %d refused by the budget", h.Won, h.Won+h.Lost, h.Refused)
	}
	for i := range p.Groups {
		all = append(all, groupText(&p.Groups[i], now))
	}
	if p.Ungrouped > 0 {
		add("in no group: %s, without requests from the policy split", count.Of(p.Ungrouped, "endpoint"))
	}
	for _, s := range p.Sessions {
		add("sessions by %s: %d of %d, %d forgotten before their time", s.Carrier, s.Sessions, s.Limit, s.Evicted)
	}
	return all
}

// lines says what the limits do, one limit a line.
func (l *limitsAnswer) lines() (all []string) {
	if l == nil {
		return nil
	}
	var parts []string
	if l.MaxInFlight > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s in flight", l.Admitted, count.Of(l.MaxInFlight, "request")))
	}
	if l.QueueLength > 0 {
		waits := func(c string) int { return l.Classes[c].Waiting }
		parts = append(parts, fmt.Sprintf("%d of %d waiting%s", l.waiting(), l.QueueLength, byClass(waits)))
	}
	if len(parts) > 0 {
		shed := 0
		for _, c := range l.Classes {
			shed += c.Shed
		}
		turned := func(c string) int { return l.Classes[c].Shed }
		parts = append(parts, fmt.Sprintf("%d turned away%s", shed, byClass(turned)))
		all = append(all, "limits: "+strings.Join(parts, ", "))
	}
	if l.RetriesLeft != nil {
		all = append(all, fmt.Sprintf("retries: %d left in the budget, %d refused", *l.RetriesLeft, l.RefusedRetries))
	}
	return all
}

// normalClass is the class of requests that say nothing of their class.
const normalClass = "normal"

// classes are the classes of requests, from the highest to the lowest.
var classes = [...]string{"critical", normalClass, "sheddable"}

// byClass says how many requests of each class there are, unless all are of the normal one.
func byClass(of func(class string) int) string {
	var parts []string
	for _, c := range classes {
		if n := of(c); n > 0 {
			parts = append(parts, fmt.Sprint(n, " ", c))
		}
	}
	if len(parts) == 0 || len(parts) == 1 && of(normalClass) > 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// groupText shows a group of the policy split.
func groupText(g *endpoint.Group, now time.Time) string {
	parts := []string{fmt.Sprintf("%d of %s usable", g.Usable, count.Of(g.Endpoints, "endpoint"))}
	if g.Step != nil {
		parts = append(parts, fmt.Sprintf("step %d of %d", g.Step.Number, g.Step.Of))
	}
	if g.Guard != "" {
		parts = append(parts, "guard "+g.Guard)
	}
	share := percent(g.Share)
	switch {
	case g.Set != nil:
		configured := ""
		if g.Configured != nil {
			configured = "; the config says " + percent(*g.Configured)
		}
		parts = append(parts, fmt.Sprintf("set by %s %s ago%s%s", g.Set.By, age(g.Set.Since, now), configured,
			because(g.Set.Reason)))
	case g.Default:
		share += ", which the others leave"
	}
	return fmt.Sprintf("group %s: %s; %s", g.Name, share, strings.Join(parts, ", "))
}

// admissionText says what the limits of the pool would make of a request.
func admissionText(a *endpoint.Admission) string {
	class := ""
	if a.Class != "" {
		class = ", class " + a.Class
	}
	switch a.Result {
	case endpoint.AdmissionWaits:
		return "the request would wait in the queue" + class + because(a.Reason)
	case endpoint.AdmissionRefused:
		return "the pool would refuse the request with 503" + class + because(a.Reason)
	case endpoint.AdmissionEnters:
	}
	return "the pool lets the request in" + class + because(a.Reason)
}
