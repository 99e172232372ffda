// Command web holds the lab's own small programs in one static binary; the name it is called by chooses one:
//
//	web      answers HTTP on :8080 with its host name (or $NAME), and echoes UDP datagrams on :7777
//	pause    waits for a signal: the first process of every pod sandbox
//	forward  accepts on the socket it was given as standard input and connects each client to $1
//
// forward is how the API server is reached from outside the lab: the listening socket belongs to the network
// namespace it was made in, the outgoing connections to the one this process runs in.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	switch filepath.Base(os.Args[0]) {
	case "pause":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
		<-signals
	case "forward":
		forward(os.Args[1])
	default:
		go echo()
		serve()
	}
}

func serve() {
	name := os.Getenv("NAME")
	if name == "" {
		name, _ = os.Hostname()
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, name) })
	log.Fatal(http.ListenAndServe(":8080", nil))
}

func echo() {
	socket, err := net.ListenUDP("udp", &net.UDPAddr{Port: 7777})
	if err != nil {
		log.Fatal(err)
	}
	buffer := make([]byte, 65535)
	for {
		n, from, err := socket.ReadFromUDPAddrPort(buffer)
		if err != nil {
			log.Fatal(err)
		}
		// A client that is gone is no reason to stop.
		_, _ = socket.WriteToUDPAddrPort(buffer[:n], from)
	}
}

func forward(to string) {
	listener, err := net.FileListener(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer server.Close()
			done := make(chan struct{}, 2)
			pipe := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				done <- struct{}{}
			}
			go pipe(server, client)
			go pipe(client, server)
			// Kubernetes' connections never stay half open: the first end is the end.
			<-done
		}()
	}
}
