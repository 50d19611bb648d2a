// A backend that runs in a container and answers with the container's name for itself.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	name, _ := os.Hostname()
	err := http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
