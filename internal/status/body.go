package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
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
		if kind := new(json.UnmarshalTypeError); errors.As(err, &kind) && kind.Field != "" {
			return fmt.Errorf("%s: is a %s; expected %s", kind.Field, kind.Value, kindOf(kind.Type))
		}
		return err
	}
	if d.More() {
		return errors.New("there is more after the JSON object")
	}
	return nil
}

// kindOf returns what JSON calls the values of a type.
func kindOf(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "a list"
	}
	return "a number"
}
