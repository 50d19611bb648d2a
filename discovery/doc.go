// Package discovery is the contract between a pool and its sources. Read it to write a source.
//
// A source knows one kind of registry, such as a file, DNS or Consul, and reports the whole list of
// endpoints each time the list changes. Package pool merges the lists of its sources and publishes
// the result for policies and probes. A source never sees a request.
//
// # What a source does
//
// A source is a Caddy module in the namespace http.reverse_proxy.upstreams.pool.sources that
// implements [Source]. Provision checks settings and never uses the network, because `caddy
// validate` calls it too. Run connects, reports the first list, and follows changes until its
// context ends.
//
// Report whole lists, never differences. Report a list that is empty if the registry is empty, and
// an error if the registry did not answer: an error never removes endpoints, an empty list does.
//
// # What the pool does
//
// The pool does these things once for all sources, so a source must not do them:
//
//   - It runs a source again after an error or a panic, after a pause with jitter.
//   - It logs each error and each set of dropped entries once, and the recovery.
//   - It holds back a sudden loss of nearly all endpoints (`max_loss`, `empty_grace`).
//   - It lets healthy endpoints that disappear serve on for a while (`removal_grace`).
//   - It stores the last good list for a start during an outage (`persist`).
//   - It merges sources, removes duplicates, and publishes at most once in `update_interval`.
//   - It keeps the old list when a reload changes the sources, until the new ones have answered.
//   - It runs a source again at a reload if a placeholder in its settings has another value, or a
//     file that they name another content.
//
// Fields that hold secrets, such as tokens, have the tag `balance:"secret"`. The stored list of a
// source belongs to its settings, and secrets are left out of that. The pool also leaves them out
// of errors, because a registry may repeat what it was sent. [WithoutSecrets] does that for secrets
// that are in no field.
//
// # What helps
//
// [AnswerBuilder] builds an answer from the entries of a registry. [Poll] implements Run for a
// registry that cannot be watched. [Resolve] replaces placeholders in settings. [DecodeList] reads
// a whole list. [FirstListBy] says when requests would like a part of a list. [Sleep] waits and
// respects the context. [StorageOf] returns Caddy's storage, and [OriginOf] where a source keeps
// its records there. Package caddyfile, at the root of this module, reads the options of a source
// from a Caddyfile.
//
// A source may live in any Go module: nothing that it needs is internal. The example of [Source] is
// a whole source, and README.md in this folder lists the steps for a source of this repository.
package discovery
