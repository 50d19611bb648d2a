// A backend that runs in a container and answers with the container's name for itself. It listens
// on port 8080, or on the address of its argument.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	name, _ := os.Hostname()
	address := ":8080"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	err := http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
