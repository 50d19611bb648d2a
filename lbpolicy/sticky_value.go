package lbpolicy

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// StickyValue keeps sessions by a value in the request: a field of its header, or a parameter of
// its query or path.
type StickyValue struct {
	// The name of the field or parameter. Required.
	Name string `json:"name"`

	// What the value is. `remembered` is any text, such as the number of a session or the name of a
	// room: requests with the same value go to the same endpoint, which the proxy remembers as a
	// hash. `route` is text that the application makes and that is the ID of the endpoint, or ends
	// with a dot and the ID, as in `;jsessionid=4f2a.web-7`; an ID that no endpoint has makes a
	// newcomer, and clients can choose their endpoint. `token`, for `header` only, is made by the
	// proxy: it puts it in the field of the answer when a session begins or moves, and the client
	// sends it back; it tells nothing of the endpoint. Default: `route` for `path`, because its
	// values are in links that the application makes, else `remembered`.
	Value string `json:"value,omitempty"`

	StickyMemory // of remembered values

	place valuePlace
	kind  valueKind
}

// valueKind is what a value is.
type valueKind int

const (
	remembered valueKind = iota
	route
	handedOut
)

var valueKinds = map[string]valueKind{"remembered": remembered, "route": route, "token": handedOut}

// UnmarshalJSON refuses zeros that would become defaults.
func (v *StickyValue) UnmarshalJSON(data []byte) error {
	type fields StickyValue
	return options.Decode(data, (*fields)(v), "ttl", "size")
}

func (v *StickyValue) options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.String("name", &v.Name),
		caddyfile.Block(append(v.StickyMemory.options(), caddyfile.String("value", &v.Value))...),
	}
}

// in sets where the value is. It works on nil.
func (v *StickyValue) in(place valuePlace) *StickyValue {
	if v != nil {
		v.place = place
	}
	return v
}

func (v *StickyValue) check() error {
	remembers := v.TTL != 0 || v.Size != 0
	if err := v.StickyMemory.check(); err != nil {
		return err
	}
	if v.Name == "" {
		return fmt.Errorf("name: is empty; expected the name of a field or parameter, such as session")
	}
	standard := "remembered"
	switch v.place {
	case inHeader:
		if err := checkFieldName(v.Name); err != nil {
			return fmt.Errorf("name: %w", err)
		}
		v.Name = http.CanonicalHeaderKey(v.Name)
	case inPath:
		if err := checkPathParameter(v.Name); err != nil {
			return fmt.Errorf("name: %w", err)
		}
		standard = "route"
	}
	var known bool
	if v.kind, known = valueKinds[cmp.Or(v.Value, standard)]; !known {
		return fmt.Errorf("value: '%s' is not remembered, route or token", v.Value)
	}
	if v.kind == handedOut && v.place != inHeader {
		return fmt.Errorf("value: is token, which only a header can bring back")
	}
	if v.kind == handedOut {
		if err := checkTokenField(v.Name); err != nil {
			return fmt.Errorf("name: %w", err)
		}
	}
	if v.kind != remembered && remembers {
		return fmt.Errorf("ttl or size: is set, but only values that are remembered have it")
	}
	return nil
}

func (v *StickyValue) handsOut() bool { return v.kind == handedOut }
func (v *StickyValue) isTimed() bool  { return v.kind == remembered }

func (v *StickyValue) memory() *StickyMemory {
	if v.kind != remembered {
		return nil
	}
	return &v.StickyMemory
}

func (v *StickyValue) read(r *http.Request, now time.Time, seen bool) (s session, ok bool) {
	value := v.place.valueOf(r, v.Name)
	if value == "" {
		return s, false
	}
	switch v.kind {
	case remembered:
		return v.get(v.table.keyOf(value), now, seen)
	case handedOut:
		s, _, ok = parseSession(value)
		return s, ok
	}
	return session{token: value}, true
}

func (v *StickyValue) change(w http.ResponseWriter, r *http.Request, s session, now time.Time) attempt.Change {
	switch v.kind {
	case remembered:
		if value := v.place.valueOf(r, v.Name); value != "" {
			return v.put(s, now, v.table.keyOf(value))
		}
	case handedOut:
		return &answerField{v, w, v.Name, s.String()}
	}
	return nil
}

func (v *StickyValue) takeBack(w http.ResponseWriter) {
	if v.kind != handedOut {
		return
	}
	if _, _, ours := parseSession(w.Header().Get(v.Name)); ours {
		w.Header().Del(v.Name)
	}
}
