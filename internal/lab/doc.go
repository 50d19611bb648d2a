// Lab compares load balancers on one machine: this module in a Caddy, Caddy's own policies, HAProxy
// and NGINX. It prints one table as Markdown.
//
//	go run ./internal/lab
//	go run ./internal/lab -scenarios mixed,slow -rounds 1 -duration 5s
//	go run ./internal/lab -proxies 'pool/adaptive_latency,nginx/least_time header inflight' -nginx ~/nginx
//
// Every run has a fresh proxy process, fresh backends and the same requests. The requests are drawn
// from the seed, the scenario and the round: arrivals are a Poisson process, and each request says
// how much work it is. Arrivals do not wait for answers. A latency counts from the intended
// arrival, so that neither a stalled proxy nor a stalled generator hides its queue. A failed
// request counts as if the client had waited until its deadline. In each round the proxies take
// turns within a scenario, so that a busy minute of the machine does not hit only one of them. The
// table has medians over the rounds.
//
// Backends simulate their cores: a request holds one of four while the backend sleeps. Computing
// would need more processors than a machine has beside the proxy. The backends live in the process
// of the lab. A process of their own would need as much of the machine for the same connections,
// and a protocol that switches faults on in time. How much the two disturb each other is part of
// the noise, which the lab measures: requests without a proxy, how late requests leave, and how
// busy the processors are.
//
// No proxy checks the health of the backends or retries more than it does by default, because the
// table compares how they pick.
package main
