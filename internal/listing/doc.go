// Package listing is what a source says of an endpoint, and how lists of endpoints are read.
//
// [Info] has the fields that a source may report. [DecodeList] reads a whole list in JSON or YAML,
// in this project's format or in that of Prometheus. [DecodeEntry] reads one endpoint as registries
// store it. Every reader normalizes what it reads, so that an address has one spelling, and every
// error names the line, the entry, the field and what was expected: the author of a list has no
// other way to find a mistake.
package listing
