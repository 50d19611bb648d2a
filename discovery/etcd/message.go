package etcd

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that boundedCodec wraps
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// maxItems is the maximum number of keys or events in one message. Two bytes of a message can be a
// key, which takes a hundred times as much memory. A page has a thousandth of it, and etcd sends a
// large burst of events in several messages.
const maxItems = 50_000

// boundedCodec refuses messages that would take far more memory than they are long.
type boundedCodec struct{ encoding.CodecV2 }

func newBoundedCodec() boundedCodec { return boundedCodec{encoding.GetCodecV2("proto")} }

// Unmarshal implements encoding.CodecV2.
func (c boundedCodec) Unmarshal(data mem.BufferSlice, v any) error {
	message := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer message.Free()
	if n := countFields(message.ReadOnlyData()); n > maxItems {
		return fmt.Errorf("a message of etcd has %d keys or events; expected at most %d", n, maxItems)
	}
	return c.CodecV2.Unmarshal(mem.BufferSlice{message}, v)
}

// countFields returns the number of fields of a message, without those inside of its fields. It
// stops where the message is not valid, which the codec reports.
func countFields(message []byte) (n int) {
	for len(message) > 0 {
		_, _, size := protowire.ConsumeField(message)
		if size < 0 {
			return n
		}
		message = message[size:]
		n++
	}
	return n
}
