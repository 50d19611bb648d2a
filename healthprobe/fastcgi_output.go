package healthprobe

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// fastCGIOutput reads the standard output of a request from its records.
type fastCGIOutput struct {
	in      *bufio.Reader
	left    int // number of bytes of the record that have not been read
	padding int // number of bytes that follow the record
	stderr  []byte
	err     error // why nothing more can be read
}

// Read implements io.Reader. It returns io.EOF at the end of the request.
func (o *fastCGIOutput) Read(p []byte) (n int, err error) {
	for o.left == 0 && o.err == nil {
		o.err = o.nextRecord()
	}
	if o.err == nil {
		n, err = o.in.Read(p[:min(len(p), o.left)])
		o.left -= n
		o.err = unexpected(err)
	}
	return n, o.err
}

// nextRecord reads records up to the next one of the standard output.
func (o *fastCGIOutput) nextRecord() error {
	if _, err := o.in.Discard(o.padding); err != nil {
		return unexpected(err)
	}
	o.padding = 0
	var record fastCGIRecord
	if err := binary.Read(o.in, binary.BigEndian, &record); err != nil {
		return unexpected(err)
	}
	if record.Version != fastCGIVersion {
		return errors.New("the answer is not FastCGI")
	}
	length, padding := int(record.Length), int(record.Padding)
	switch record.Type {
	case fastCGIStdout:
		o.left, o.padding = length, padding
		return nil
	case fastCGIEnd:
		return o.readEnd(length)
	case fastCGIStderr:
		return o.readStderr(length, padding)
	}
	_, err := o.in.Discard(length + padding)
	return unexpected(err)
}

// readEnd reads the last record of a request.
func (o *fastCGIOutput) readEnd(length int) error {
	var end struct {
		AppStatus      uint32
		ProtocolStatus byte
		_              [3]byte
	}
	if length < binary.Size(end) {
		return errors.New("the answer is not FastCGI")
	}
	if err := binary.Read(o.in, binary.BigEndian, &end); err != nil {
		return unexpected(err)
	}
	if end.ProtocolStatus != 0 {
		return fastCGIError(end.ProtocolStatus)
	}
	return io.EOF
}

// maxStderr is the maximum number of bytes to keep of the standard error, for a log line.
const maxStderr = 200

func (o *fastCGIOutput) readStderr(length, padding int) error {
	kept := make([]byte, min(length, maxStderr-len(o.stderr)))
	n, err := io.ReadFull(o.in, kept)
	o.stderr = append(o.stderr, kept[:n]...)
	if err == nil {
		_, err = o.in.Discard(length - n + padding)
	}
	return unexpected(err)
}

// fastCGIError is why an endpoint does not process a request.
func fastCGIError(protocolStatus byte) error {
	switch protocolStatus {
	case 1:
		return errors.New("the endpoint serves one request at a time and is busy")
	case 2:
		return errors.New("the endpoint is overloaded")
	}
	return fmt.Errorf("the endpoint refuses the request with protocol status %d", protocolStatus)
}

// unexpected makes the end of a connection an error, because the end of a request has a record.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
