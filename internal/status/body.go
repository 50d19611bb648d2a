package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/caddy-balance/caddy-balance/internal/options"
)

// maxBody is the maximum size of a body that is no registration.
const maxBody = 64 << 10

// readBody reads the JSON object of a request. fields are its fields, for an error.
func readBody(w http.ResponseWriter, r *http.Request, into any, fields string) error {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		return refuse(http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d bytes", tooLong.Limit))
	}
	if err == nil {
		err = decode(data, into, fields)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, fmt.Errorf("body: %w", err))
	}
	return nil
}

func decode(data []byte, into any, fields string) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return fmt.Errorf("is empty; expected a JSON object with %s", fields)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if name, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
			return fmt.Errorf("unknown field %s; the fields are %s", name, fields)
		}
		if syntax := new(json.SyntaxError); errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w; expected a JSON object with %s", err, fields)
		}
		if wrong := new(json.UnmarshalTypeError); errors.As(err, &wrong) {
			if wrong.Field == "" {
				return fmt.Errorf("%w with %s", options.WrongType(wrong), fields)
			}
			return options.WrongType(wrong)
		}
		return err
	}
	if d.More() {
		return errors.New("there is more after the JSON object")
	}
	return nil
}
