// Package definition compares definitions of pools: what a config says, and what that stands for at
// the moment when the config is loaded.
//
// A definition has placeholders and names files, so an equal text may stand for something else at
// the next reload: a token or a certificate that was rotated. Digest sums up the values and the
// contents. Expand tells them, and Differences tells which fields of two definitions differ. Values
// are often secrets, so nothing here logs them or puts them into errors.
package definition
