// Package lbpolicy says who serves this request.
//
// A policy is a Caddy module with an algorithm: prepare builds its tables for a list of
// endpoints, pick takes one of them. The embedded selector connects that with Caddy, for
// static upstreams, for pools (which leave the picking to it) and for lists of any other
// source; it counts places, and knows where a request has been.
package lbpolicy
