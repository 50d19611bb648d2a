package metrics

import dto "github.com/prometheus/client_model/go"

// Of each endpoint.
var (
	endpointAttempts = counter("endpoint_attempts_total",
		"Attempts at the endpoint that have ended, by outcome and its reason.", "endpoint", "outcome", "pool", "reason")
	endpointFirstByte = define(dto.MetricType_HISTOGRAM, "endpoint_time_to_first_byte_seconds",
		"Time from sending a request to the first byte of an answer that is no error.", "endpoint", "pool")
	endpointInFlight = gauge("endpoint_requests_in_flight",
		"Requests in flight at the endpoint: working, or parked such as long polls and upgraded connections.",
		"endpoint", "kind", "pool")
	endpointState = gauge("endpoint_state",
		"1 for the state that the endpoint is in; other states have no series.", "endpoint", "pool", "state")
	endpointConfiguredWeight = gauge("endpoint_configured_weight",
		"Weight that the source gives the endpoint.", "endpoint", "pool")
	endpointEffectiveWeight = gauge("endpoint_effective_weight",
		"Weight by which the endpoint gets requests now; 0 if it gets none.", "endpoint", "pool")
	endpointRelative = gauge("endpoint_relative_latency_ratio",
		"Latency of the endpoint relative to what is usual in the pool for the same routes; 2 is twice as slow.",
		"endpoint", "pool")
	endpointExpected = gauge("endpoint_expected_latency_seconds",
		"Time to first byte that is expected of the endpoint for a usual request without others in flight.",
		"endpoint", "pool")
	endpointPicks = counter("endpoint_picks_total",
		"Picks of the endpoint for a request.", "endpoint", "pool")
	endpointEjections = counter("endpoint_ejections_total",
		"Ejections of the endpoint by outlier detection, by the rule that applied.", "endpoint", "pool", "reason")
	endpointChecks = counter("endpoint_checks_total",
		"Health checks of the endpoint, by result.", "endpoint", "pool", "result")
	endpointCheckDuration = define(dto.MetricType_SUMMARY, "endpoint_check_duration_seconds",
		"Time that health checks of the endpoint took.", "endpoint", "pool")
	endpointBroken = counter("endpoint_broken_idle_connections_total",
		"Kept connections to the endpoint that broke as a request used them.", "endpoint", "pool")
	endpointAdaptiveLimit = gauge("endpoint_adaptive_limit",
		"Limit of the requests that the endpoint works on at once; no series while there is none.", "endpoint", "pool")
	endpointUtilization = gauge("endpoint_reported_utilization_ratio",
		"Utilization in the latest load report of the endpoint.", "endpoint", "pool")
)

// Of each pool.
var (
	poolEndpoints = gauge("pool_endpoints",
		"Endpoints of the pool, by state.", "pool", "state")
	poolUsable = gauge("pool_usable_ratio",
		"Share of the endpoints that may get new requests.", "pool")
	poolFailOpen = gauge("pool_fail_open",
		"1 if so few endpoints are usable that the pool ignores health, else 0.", "pool")
	poolGroupShare = gauge("pool_group_share_ratio",
		"The share of the requests that a group of endpoints gets, from 0 to 1.", "group", "pool")
	poolGroupPicks = counter("pool_group_picks_total",
		"Picks in a group of endpoints.", "group", "pool")
	poolUngrouped = gauge("pool_ungrouped_endpoints",
		"Endpoints that a policy with groups sends no requests, because they are in none of them.", "pool")
	poolInFlight = gauge("pool_requests_in_flight",
		"Requests in flight at all endpoints of the pool.", "pool")
	poolAttempts = counter("pool_attempts_total",
		"Attempts at all endpoints of the pool that have ended, by outcome and its reason.",
		"outcome", "pool", "reason")
	poolFirstByte = define(dto.MetricType_HISTOGRAM, "pool_time_to_first_byte_seconds",
		"Time from sending a request to the first byte of an answer that is no error.", "pool")
	poolPicks = counter("pool_picks_total",
		"Picks of an endpoint for a request, by policy and the reason of the pick.", "policy", "pool", "reason")
	poolUnserved = counter("pool_unserved_picks_total",
		"Tries of requests that found no endpoint.", "pool")
	poolRetries = counter("pool_retries_total",
		"Requests that were sent again, to an endpoint that they had not tried or that they had.", "endpoint", "pool")
	poolRefusedRetries = counter("pool_refused_retries_total",
		"Retries that the budget of the pool did not allow.", "pool")
	poolAdmitted = gauge("pool_admitted_requests",
		"Requests that the pool has let in and that have not ended.", "pool")
	poolAdmittedLimit = gauge("pool_admitted_requests_limit",
		"Maximum number of requests that the pool lets in.", "pool")
	poolWaiting = gauge("pool_queued_requests",
		"Requests that wait for a place, by class.", "class", "pool")
	poolWaitingLimit = gauge("pool_queued_requests_limit",
		"Maximum number of requests that wait for a place.", "pool")
	poolShed = counter("pool_shed_requests_total",
		"Requests that the pool refused because there was no place for them, by class.", "class", "pool")
	poolEjections = counter("pool_ejections_total",
		"Ejections of endpoints by outlier detection, by the rule that applied.", "pool", "reason")
	poolObservedEjections = counter("pool_observed_ejections_total",
		"Ejections that outlier detection only observed, by the rule that applied.", "pool", "reason")
	poolChecks = counter("pool_checks_total",
		"Health checks of endpoints, by result.", "pool", "result")
	poolHedges = counter("pool_hedges_total",
		"Second attempts beside a first one that takes long, by what became of them.", "pool", "result")
	poolReports = counter("pool_load_reports_total",
		"Load reports of endpoints, by what became of them.", "pool", "result")
)

// Of each source of a pool.
var (
	sourceUpdates = counter("source_updates_total",
		"Answers of the source: a list, a part of one, or an error.", "pool", "position", "result", "source")
	sourceState = gauge("source_state",
		"1 for the state that the list of the source is in, else 0.", "pool", "position", "source", "state")
	sourceLastSuccess = gauge("source_last_success_timestamp_seconds",
		"Time of the last list of the source, in seconds since 1970.", "pool", "position", "source")
	sourceEndpoints = gauge("source_endpoints",
		"Endpoints that the source adds to the pool.", "pool", "position", "source")
	sourceDropped = gauge("source_dropped_entries",
		"Invalid entries in the latest list of the source.", "pool", "position", "source")
	sourceHeld = counter("source_held_lists_total",
		"Lists that were held back because they lacked nearly all endpoints.", "pool", "position", "source")
)
