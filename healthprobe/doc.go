// Package healthprobe decides which endpoints of a pool can serve now, by checking them in the
// background.
//
// A [Probe] checks one endpoint once: over HTTP ([HTTPProbe]), TCP ([TCPProbe]), gRPC
// ([GRPCProbe]), FastCGI ([FastCGIProbe]) or Redis' protocol ([RedisProbe]), or by asking an agent
// ([AgentProbe]). The prober owns time: it decides when to check which endpoint, what a series of
// results means, and what several probes mean together. Its settings are [Health].
//
// Package outlier does the same with the results of real requests.
//
// To write a new probe, see the example of this package and its README.
package healthprobe
