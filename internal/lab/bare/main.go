// Bare passes TCP connections on to backends in turn, with the least that a Go program needs for
// that. It shows what of the cost of another proxy is Go's.
//
//	bare <file with the address to listen at, and those of the backends>
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Println(runtime.Version())
		return
	}
	config, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	addresses := strings.Fields(string(config))
	listener, err := net.Listen("tcp", addresses[0])
	if err != nil {
		log.Fatal(err)
	}
	backends := addresses[1:]
	for i := 0; ; i = (i + 1) % len(backends) {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(client.(*net.TCPConn), backends[i])
	}
}

func serve(client *net.TCPConn, address string) {
	defer client.Close()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer conn.Close()
	backend := conn.(*net.TCPConn)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		pass(backend, client)
	}()
	pass(client, backend)
	<-sent
}

// pass passes on what one side sends until it ends.
func pass(to, from *net.TCPConn) {
	io.Copy(to, from)
	to.CloseWrite()
}
