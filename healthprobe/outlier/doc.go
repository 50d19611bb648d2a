// Package outlier ejects endpoints whose answers to real requests stand out, for a while.
//
// [Detection] is the settings of a pool. A detector watches the results of attempts: failures in a
// row eject at once, and rules over shares and latencies apply at the end of each interval. An
// ejected endpoint gets no requests until its time is over, and is then tried with one request at a
// time or with an active check.
//
// It complements the active checks of package healthprobe, and neither package imports the other.
package outlier
