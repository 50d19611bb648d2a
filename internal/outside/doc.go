// Package outside proves that a module outside of this repository can extend a pool. Go refuses to
// import an internal package across modules, so code inside of this repository cannot notice that a
// type which an author needs is not exported.
//
// The test copies testdata/module into a temporary folder, gives it a go.mod with the dependencies
// of this module, and vets, builds and runs it. The module has one file for each kind of extension,
// and the Caddyfile that uses them all.
package outside
