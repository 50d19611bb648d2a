package simulation

import "time"

// evenErrors has a site of which 2 % of all answers are errors, at whatever endpoint: a bug, a
// missing row, a database that is too slow at times. No endpoint is worse than the others. A policy
// that avoids the endpoint that failed last concentrates all requests on what is left.
//
// Which endpoint the next error comes from is chance, so there is nothing to gain, and the
// threshold is that of no harm. The loads and shares around it hold to account a policy that is
// tuned to one of them: at 0.3 even a concentrated load is carried, and at 0.85 there is no room
// for any mistake.
var evenErrors = failing("even errors, 2 %", .02, .6, 20*time.Second)

// evenErrorsMore are other shares of errors, and other loads.
var evenErrorsMore = variants(
	failing("even errors, 2 %, load 0.3", .02, .3, 20*time.Second),
	failing("even errors, 2 %, load 0.85", .02, .85, 12*time.Second),
	failing("even errors, 0.5 %", .005, .6, 12*time.Second),
	failing("even errors, 1 %", .01, .6, 12*time.Second),
	failing("even errors, 5 %", .05, .6, 12*time.Second),
	failing("even errors, 10 %", .1, .6, 12*time.Second),
)

// badRoute has one route that always answers 500, after it did its work as usual. It has 5 % of the
// requests, at a load of 0.85. It fails at every endpoint, so its failures say nothing. A policy
// that counts them against the endpoints avoids one after the other, and each has several failures
// at any time.
var badRoute = everydayScenario("a route that fails", 12*time.Second, []kind{
	{rate: .95 * .85 * 10 * 4 / .020, request: get("/"), work: exponential(20 * time.Millisecond)},
	{rate: .05 * .85 * 10 * 4 / .020, request: get("/broken"), work: exponential(20 * time.Millisecond), fails: 1},
}, harmless)

// failing returns a scenario in which a share of all answers are errors, at a load between 0 and 1.
func failing(name string, share, load float64, duration time.Duration) scenario {
	return everydayScenario(name, duration, []kind{{
		rate:    load * 10 * 4 / .020,
		request: get("/"),
		work:    exponential(20 * time.Millisecond),
		fails:   share,
	}}, harmless)
}
