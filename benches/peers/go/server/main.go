// Go's net/http as a server with a fixed response.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	answer := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }
	log.Fatal(http.Serve(listener, http.HandlerFunc(answer)))
}
