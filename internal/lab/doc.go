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
// With -layer4 it compares proxies of TCP connections, among them a bare loop in Go, which shows
// what of the cost is that of the language:
//
//	go run ./internal/lab -layer4
//
// Each round of a proxy has three parts. Clients arrive as requests do, and wait for the first byte
// of the answer. Then a few clients make one connection after the other. Then one connection moves
// as many bytes as it can, in each direction. The processor time of the proxy in the last two parts
// says more than their speed, because the clients, the proxy and the backends share the machine.
//
// No proxy checks the health of the backends or retries more than it does by default, because the
// table compares how they pick.
package main
