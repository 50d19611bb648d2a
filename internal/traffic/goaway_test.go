package traffic

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// goAwayServer speaks so much of h2c that it can end its connections as a server does that shuts
// down. On each connection it answers one request with a frame of its own.
type goAwayServer struct {
	refused int // the number of that request
	refuse  func(f *http2.Framer, stream uint32)
}

func (s *goAwayServer) serve(_ *http.Server, l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go s.serveConn(conn)
	}
}

func (s *goAwayServer) serveConn(conn net.Conn) {
	defer conn.Close()
	io.ReadFull(conn, make([]byte, len(http2.ClientPreface)))
	f := http2.NewFramer(conn, conn)
	f.WriteSettings()
	requests := 0
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				f.WriteSettingsAck()
			}
		case *http2.PingFrame: // the client counts a reset stream as open until it is answered
			if !frame.IsAck() {
				f.WritePing(true, frame.Data)
			}
		case *http2.HeadersFrame:
			if requests++; requests == s.refused {
				s.refuse(f, frame.StreamID)
			} else if frame.StreamEnded() {
				writeOK(f, frame.StreamID)
			}
		case *http2.DataFrame:
			if frame.StreamEnded() && requests != s.refused {
				writeOK(f, frame.StreamID)
			}
		}
	}
}

func writeOK(f *http2.Framer, stream uint32) {
	var block bytes.Buffer
	hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	f.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true,
	})
}

func goAwayBefore(f *http2.Framer, stream uint32) { f.WriteGoAway(stream-2, http2.ErrCodeNo, nil) }
func refuseStream(f *http2.Framer, stream uint32) {
	f.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
}

func TestWhatHTTP2RefusesBeforeItIsProcessedIsRepeated(t *testing.T) {
	for name, refuse := range map[string]func(*http2.Framer, uint32){
		"GOAWAY beyond the last stream": goAwayBefore,
		"REFUSED_STREAM":                refuseStream,
	} {
		for options, wantAll := range map[string]bool{"": false, "request_buffers 1KiB\n": true} {
			t.Run(name+" "+options, func(t *testing.T) {
				if raceDetector && !wantAll {
					t.Skip("Caddy's body of a request races between the Read and the Close of x/net/http2")
				}
				server := &goAwayServer{refused: 4, refuse: refuse}
				fleet := startBackendsWith(t, 2, server.serve, nil)
				// When Caddy stops, a connection whose last stream has not quite ended stays for
				// the keepalive time.
				site := checkedPool(fleet, ejecting, options+roundRobin+
					"\ntransport http {\nversions h2c\nkeepalive 1s\n}\n")
				c := startProxy(t, site).client()
				lost := 0
				for range 60 {
					a, err := c.send(http.MethodPost, "/", strings.NewReader("body"))
					if err != nil {
						t.Fatal(err)
					}
					if a.status != http.StatusOK {
						lost++
					}
				}
				if wantAll && lost > 0 {
					t.Errorf("%d requests failed that could be repeated", lost)
				}
				expectNoEjection(t)
				if broken() == 0 {
					t.Error("no broken connection is counted")
				}
			})
		}
	}
}
