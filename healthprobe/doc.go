// Package healthprobe says who can serve now.
//
// A probe asks one endpoint once; it is a file with a type that has Check, and one line that registers
// it. The prober owns time: when which endpoint is probed, and what a series of answers means.
// The outlier detector does the same with what became of real requests.
package healthprobe
