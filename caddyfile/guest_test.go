package caddyfile

import (
	"encoding/json"
	"errors"
	"math"

	"github.com/caddyserver/caddy/v2"
)

const guests = "test.caddyfile.guests"

func init() {
	caddy.RegisterModule(new(guest))
	caddy.RegisterModule(mute{})
	caddy.RegisterModule(unwritable{})
}

// guest is a module with one setting of every kind. Some of them hold guests.
type guest struct {
	Key      string              `json:"key,omitempty"`
	Factor   float64             `json:"factor,omitempty"`
	Weights  []int               `json:"weights,omitempty"`
	Decay    caddy.Duration      `json:"decay,omitempty"`
	Rise     int                 `json:"rise,omitempty"`
	Share    float64             `json:"share,omitempty"`
	Limit    int                 `json:"limit,omitempty"`
	Choices  string              `json:"choices,omitempty"`
	Tags     []string            `json:"tags,omitempty"`
	Draining bool                `json:"draining,omitempty"`
	Loss     *float64            `json:"loss,omitempty"`
	Metadata map[string]string   `json:"metadata,omitempty"`
	Headers  map[string][]string `json:"headers,omitempty"`
	Fallback json.RawMessage     `json:"fallback,omitempty"`
	Sources  []json.RawMessage   `json:"sources,omitempty"`
	Members  []member            `json:"members,omitempty"`
	Timed    []timed             `json:"timed,omitempty"`
}

// timed is a guest with settings beside it.
type timed struct {
	Guest json.RawMessage `json:"guest"`
	Every caddy.Duration  `json:"every,omitempty"`
	Times int             `json:"times,omitempty"`
}

type member struct {
	Address string `json:"address"`
	Weight  int    `json:"weight"`
}

func (*guest) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: guests + ".guest", New: func() caddy.Module { return new(guest) }}
}

func (g *guest) UnmarshalCaddyfile(d *Dispenser) error {
	return Parse(d,
		String("key", &g.Key),
		Optional(Float("factor", &g.Factor, 1, 100)),
		Optional(Ints("weights", &g.Weights, 0, 65535)),
		Block(g.options()...),
	)
}

func (g *guest) options() []Param {
	return []Param{
		Duration("decay", &g.Decay),
		Int("rise", &g.Rise, 1, 10),
		Float("share", &g.Share, 0, 1),
		Int("limit", &g.Limit, 0, math.MaxInt),
		Func("choices", "auto or all", func(text string) bool {
			g.Choices = text
			return text == "auto" || text == "all"
		}),
		Strings("tags", &g.Tags),
		Flag("draining", &g.Draining),
		Pointer(Percent, "loss", &g.Loss),
		Pairs("metadata", &g.Metadata),
		Lists("headers", &g.Headers),
		Module("fallback", guests, "guest", &g.Fallback),
		Modules("source", guests, "source", &g.Sources),
		ModulesWith("timed", guests, "guest", &g.Timed, func(t *timed) (*json.RawMessage, Param) {
			return &t.Guest, Group(Duration("every", &t.Every), Int("times", &t.Times, 1, 10))
		}),
		Repeated("member", &g.Members, func(m *member) []Param {
			m.Weight = 1
			return []Param{String("address", &m.Address), Block(Int("weight", &m.Weight, 0, 65535))}
		}),
	}
}

// mute is a module that cannot be written in a Caddyfile.
type mute struct{}

func (mute) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: guests + ".mute", New: func() caddy.Module { return mute{} }}
}

// unwritable is a module that has no JSON.
type unwritable struct{}

func (unwritable) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: guests + ".odd.unwritable", New: func() caddy.Module { return unwritable{} }}
}

func (unwritable) UnmarshalCaddyfile(d *Dispenser) error { return Parse(d) }

func (unwritable) MarshalJSON() ([]byte, error) { return nil, errors.New("no") }

var _ Unmarshaler = (*guest)(nil)
