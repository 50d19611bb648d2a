package loadreport

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// fieldOf returns the place for a metric, nil if the weight does not depend on it.
func (n *numbers) fieldOf(name string) *float64 {
	switch name {
	case "cpu_utilization", "cpu":
		return &n.CPU
	case "rps_fractional", "rps":
		return &n.Requests
	case "eps":
		return &n.Errors
	case "application_utilization":
		return &n.Application
	}
	return nil
}

// readText reads metrics such as `cpu_utilization=0.3,rps_fractional=120`. A colon may stand for
// the equals sign, as in earlier versions of the format.
func (n *numbers) readText(text string) error {
	for text != "" {
		var metric string
		metric, text, _ = strings.Cut(text, ",")
		at := strings.IndexAny(metric, "=:")
		if at < 0 {
			return errors.New("metric has no value")
		}
		field := n.fieldOf(strings.TrimSpace(metric[:at]))
		if field == nil {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(metric[at+1:]), 64)
		if err != nil {
			return errors.New("metric has no number")
		}
		*field = value
	}
	return nil
}

// readJSON reads the message in the JSON of protocol buffers, which has two names for a field.
func (n *numbers) readJSON(text string) error {
	var message struct {
		numbers
		CPU         *float64 `json:"cpuUtilization"`
		Requests    *float64 `json:"rpsFractional"`
		Application *float64 `json:"applicationUtilization"`
	}
	if json.Unmarshal([]byte(text), &message) != nil {
		return errors.New("invalid JSON")
	}
	*n = message.numbers
	for _, other := range []struct{ to, from *float64 }{
		{&n.CPU, message.CPU}, {&n.Requests, message.Requests}, {&n.Application, message.Application},
	} {
		if other.from != nil {
			*other.to = *other.from
		}
	}
	return nil
}

// The numbers of the fields in the message, whose type is double.
const (
	fieldCPU         = 1
	fieldRequests    = 6
	fieldErrors      = 7
	fieldApplication = 9
)

// readBinary reads the message in Base64, with or without padding. The package for the message
// would fill three maps with what the endpoint sends and is not needed.
func (n *numbers) readBinary(text string) error {
	var room [256]byte
	message, err := base64.RawStdEncoding.AppendDecode(room[:0], []byte(strings.TrimRight(text, "=")))
	if err != nil {
		return errors.New("invalid Base64")
	}
	for len(message) > 0 {
		number, kind, length := protowire.ConsumeTag(message)
		if length < 0 {
			return errors.New("invalid message")
		}
		message = message[length:]
		if field := n.fieldOfNumber(number); field != nil && kind == protowire.Fixed64Type {
			bits, length := protowire.ConsumeFixed64(message)
			if length < 0 {
				return errors.New("message is cut off")
			}
			*field, message = math.Float64frombits(bits), message[length:]
			continue
		}
		if length = protowire.ConsumeFieldValue(number, kind, message); length < 0 {
			return errors.New("invalid message")
		}
		message = message[length:]
	}
	return nil
}

func (n *numbers) fieldOfNumber(number protowire.Number) *float64 {
	switch number {
	case fieldCPU:
		return &n.CPU
	case fieldRequests:
		return &n.Requests
	case fieldErrors:
		return &n.Errors
	case fieldApplication:
		return &n.Application
	}
	return nil
}
