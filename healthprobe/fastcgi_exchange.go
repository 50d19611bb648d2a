package healthprobe

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/textproto"
	"strconv"
	"strings"
)

// The parts of FastCGI 1.0 that a request without a body needs. The client of Caddy's transport is
// not exported, and the transport makes its own connections, which do not end with a check.
const (
	fastCGIVersion   = 1
	fastCGIRequestID = 1 // one request has a connection to itself
	fastCGIResponder = 1

	// The types of records.
	fastCGIBegin  = 1
	fastCGIEnd    = 3
	fastCGIParams = 4
	fastCGIStdin  = 5
	fastCGIStdout = 6
	fastCGIStderr = 7
)

// fastCGIRecord is the header of a record.
type fastCGIRecord struct {
	Version, Type byte
	RequestID     uint16
	Length        uint16
	Padding, _    byte
}

// fastCGIAnswer is the answer to a request, whose body has not been read yet.
type fastCGIAnswer struct {
	status int
	body   io.Reader
	output *fastCGIOutput
}

// stderr returns the beginning of what the endpoint has written to its standard error so far.
func (a *fastCGIAnswer) stderr() string { return strings.TrimSpace(string(a.output.stderr)) }

// exchangeFastCGI sends a request, and reads the answer up to the end of its header.
func exchangeFastCGI(connected io.ReadWriter, params map[string]string) (*fastCGIAnswer, error) {
	if _, err := connected.Write(encodeFastCGI(params)); err != nil {
		return nil, err
	}
	output := &fastCGIOutput{in: bufio.NewReader(connected)}
	limited := &io.LimitedReader{R: output, N: maxHeader}
	buffered := bufio.NewReader(limited)
	header, err := textproto.NewReader(buffered).ReadMIMEHeader()
	switch {
	case limited.N <= 0:
		return nil, errors.New("the header is larger than 64 KiB")
	case output.err != nil && !errors.Is(output.err, io.EOF):
		return nil, output.err // textproto takes the end of a reader for the end of a line
	case err != nil && len(output.stderr) > 0:
		return nil, errors.New(strconv.Quote(string(output.stderr)))
	case err != nil:
		return nil, err
	}
	limited.N = math.MaxInt64
	status, err := fastCGIStatus(header)
	return &fastCGIAnswer{status, buffered, output}, err
}

// fastCGIStatus returns the status of an answer. Without one, the answer succeeded or redirects.
func fastCGIStatus(header textproto.MIMEHeader) (int, error) {
	given, _, _ := strings.Cut(header.Get("Status"), " ")
	switch {
	case given != "":
		code, err := strconv.Atoi(given)
		if err != nil {
			return 0, errors.New("the field Status has no number")
		}
		return code, nil
	case header.Get("Location") != "":
		return 302, nil
	}
	return 200, nil
}

// encodeFastCGI returns the records of a request that has no body.
func encodeFastCGI(params map[string]string) []byte {
	var stream []byte
	for name, value := range params {
		stream = appendParam(stream, name, value)
	}
	var b bytes.Buffer
	writeRecord(&b, fastCGIBegin, []byte{0, fastCGIResponder, 0, 0, 0, 0, 0, 0})
	for len(stream) > 0 {
		n := min(len(stream), math.MaxUint16)
		writeRecord(&b, fastCGIParams, stream[:n])
		stream = stream[n:]
	}
	writeRecord(&b, fastCGIParams, nil) // ends the stream
	writeRecord(&b, fastCGIStdin, nil)
	return b.Bytes()
}

func writeRecord(b *bytes.Buffer, kind byte, content []byte) {
	header := fastCGIRecord{Version: fastCGIVersion, Type: kind, RequestID: fastCGIRequestID, Length: uint16(len(content))}
	_ = binary.Write(b, binary.BigEndian, header) // a buffer takes all
	b.Write(content)
}
