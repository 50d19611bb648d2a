package status

import (
	"time"

	"github.com/caddy-balance/caddy-balance/discovery/registry"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// endpointStatus is everything that is known of an endpoint.
type endpointStatus struct {
	listing.Info // what its source says

	// TTL and Expires are those of an endpoint that registered itself.
	TTL     registry.TTL `json:"ttl,omitzero"`
	Expires time.Time    `json:"expires,omitzero"`

	// Source is the first source that lists the endpoint.
	Source *sourceName `json:"source,omitempty"`

	// ListedSince is since when the endpoint is in the list.
	ListedSince time.Time `json:"listed_since"`

	endpoint.Status

	// EffectiveWeight is the weight in force, and WeightReasons say how it follows from the
	// source's.
	EffectiveWeight float64  `json:"effective_weight"`
	WeightReasons   []string `json:"weight_reasons"`

	// EffectiveMaxRequests is the limit of requests in flight that is in force; 0 is none.
	EffectiveMaxRequests int32 `json:"effective_max_requests,omitempty"`

	// AdaptiveLimit is the limit of the requests that the endpoint works on at once, beside the
	// maximum; 0 while there is none.
	AdaptiveLimit int `json:"adaptive_limit,omitempty"`

	// Groups are the groups of `split` that the endpoint is in, and Ungrouped says that one of
	// these policies sends it no requests, because it is in none.
	Groups    []string `json:"groups,omitempty"`
	Ungrouped bool     `json:"ungrouped,omitempty"`

	// Sessions is the number of sticky sessions at the endpoint that the proxy remembers; nil if it
	// remembers none of the pool.
	Sessions *int `json:"sessions,omitempty"`

	Load       loadStatus         `json:"load"`
	Report     *reportStatus      `json:"load_report,omitempty"`
	Traffic    trafficStatus      `json:"traffic"`
	Check      *checkStatus       `json:"check,omitempty"`
	Ejection   *ejectionStatus    `json:"ejection,omitempty"`
	Override   *endpoint.Override `json:"override,omitempty"`
	Registered bool               `json:"registered,omitempty"`
}

type sourceName struct {
	Name     string `json:"name"`
	Position int    `json:"position"`
}

// loadStatus is how an endpoint does.
type loadStatus struct {
	InFlight int `json:"in_flight"`
	Waiting  int `json:"waiting"`           // for the first byte
	Parked   int `json:"parked,omitempty"`  // in flight, but no work
	Overdue  int `json:"overdue,omitempty"` // parked, and waiting for too long

	// RelativeTime is the time to first byte relative to what is usual in the pool: at 2 the
	// endpoint takes twice as long. Certainty is how much is known of it, from 0 to 1.
	RelativeTime float64 `json:"relative_time"`
	Certainty    float64 `json:"certainty"`

	// Surprise is the evidence that the endpoint is sick, in nats; from 8 on it is an alarm.
	Surprise float64 `json:"surprise"`

	// Broken is the number of kept connections that broke as a request used them.
	Broken uint64 `json:"broken_connections"`
}

// checkStatus is the verdict of the health checks.
type checkStatus struct {
	Passes bool          `json:"passes"`
	Since  time.Time     `json:"since"`
	Probes []probeStatus `json:"probes"`
}

type probeStatus struct {
	Name    string    `json:"name"`
	Checked bool      `json:"checked"`
	Passes  bool      `json:"passes"`
	Since   time.Time `json:"since"`

	// Streak is the number of results in a row that contradict the verdict.
	Streak int `json:"streak"`

	// LastFailure is why the last check that failed did so, and TookSeconds how long it took.
	LastFailure string  `json:"last_failure,omitempty"`
	TookSeconds float64 `json:"took_seconds,omitempty"`
}

// ejectionStatus is what the outlier detector remembers.
type ejectionStatus struct {
	Times  int       `json:"times"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// reader reads the status of the endpoints of a roster at one moment.
type reader struct {
	roster   *endpoint.Roster
	snapshot *endpoint.Snapshot
	sources  map[string]*sourceName // by address
	now      load.Instant
	totals   endpoint.Totals // room for those of one endpoint
	tables   endpoint.SessionTables
	sessions map[string]int // of all endpoints; nil until they are counted
}

func newReader(r *endpoint.Roster) *reader {
	return &reader{
		roster: r, snapshot: r.Snapshot(), sources: sourcesByAddress(r), now: load.Now(),
		tables: endpoint.SessionTablesOf(r.Name()),
	}
}

func (r *reader) all() []endpointStatus {
	members := r.snapshot.Members
	r.sessions = r.tables.ByKey(time.Now())
	all := make([]endpointStatus, len(members))
	for i := range members {
		all[i] = r.status(&members[i])
	}
	return all
}

// sessionsOf returns the number of sessions at a member, nil if the proxy remembers none.
func (r *reader) sessionsOf(m *endpoint.Member) *int {
	if len(r.tables) == 0 {
		return nil
	}
	n := r.sessions[m.Info.Key()]
	if r.sessions == nil {
		n = r.tables.At(m.Info.Key(), time.Now())
	}
	return &n
}

func (r *reader) status(m *endpoint.Member) endpointStatus {
	reading, status := m.Load.Read(r.now, attempt.DefaultDecay), r.roster.Status(r.snapshot, m)
	groups, ungrouped := r.roster.GroupsOf(m.Info)
	return endpointStatus{
		Info: *m.Info, Source: r.sources[m.Address()],
		ListedSince:          m.ListedSince(),
		Status:               status,
		EffectiveWeight:      r.snapshot.EffectiveWeight(m),
		WeightReasons:        r.roster.WeightReasons(r.snapshot, m, status),
		EffectiveMaxRequests: m.MaxRequests,
		AdaptiveLimit:        m.AdaptiveLimit(r.roster.Limits().Adaptive()),
		Groups:               groups, Ungrouped: ungrouped, Sessions: r.sessionsOf(m),
		Load: loadStatus{
			InFlight: m.InFlight(), Waiting: m.Load.Waiting(), Parked: m.Load.Parked(), Overdue: m.Load.Overdue(),
			RelativeTime: reading.Relative, Certainty: reading.Certainty,
			Surprise: m.Load.Surprise(r.now, attempt.DefaultDecay), Broken: m.Broken(),
		},
		Report:  newReportStatus(m.Endpoint, r.now),
		Traffic: newTrafficStatus(m.Endpoint, &r.totals),
		Check:   newCheckStatus(m.Verdict()), Ejection: newEjectionStatus(m.Ejection()), Override: m.Override(),
	}
}

func newCheckStatus(v *endpoint.Verdict) *checkStatus {
	if v == nil {
		return nil
	}
	status := &checkStatus{Passes: v.Passes, Since: v.Since, Probes: make([]probeStatus, len(v.Probes))}
	for i := range v.Probes {
		p := &v.Probes[i]
		status.Probes[i] = probeStatus{
			Name: p.Name, Checked: p.Checked, Passes: p.Passes, Since: p.Since, Streak: p.Streak,
			LastFailure: p.Last.Reason, TookSeconds: p.Last.Took.Seconds(),
		}
	}
	return status
}

func newEjectionStatus(j *endpoint.Ejection) *ejectionStatus {
	if j == nil {
		return nil
	}
	return &ejectionStatus{j.Times, j.Since, j.Until, j.Reason}
}

// sourcesByAddress returns the first source that lists each endpoint.
func sourcesByAddress(r *endpoint.Roster) map[string]*sourceName {
	lists := r.SourceLists()
	found := make(map[string]*sourceName)
	for _, source := range r.Sources() {
		name := &sourceName{source.Name, source.Position}
		for i := range lists[source.Key] {
			if address := lists[source.Key][i].Address; found[address] == nil {
				found[address] = name
			}
		}
	}
	return found
}
