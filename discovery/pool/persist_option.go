package pool

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Persistence says whether the lists of a pool are stored, and who shares them. In JSON it is true,
// false, or the name under which several instances of Caddy share the lists.
type Persistence string

const (
	persistOn  Persistence = "on"
	persistOff Persistence = "off"
)

// UnmarshalJSON implements json.Unmarshaler.
func (p *Persistence) UnmarshalJSON(data []byte) error {
	var on bool
	if json.Unmarshal(data, &on) == nil {
		if *p = persistOff; on {
			*p = persistOn
		}
		return nil
	}
	var name string
	if err := json.Unmarshal(data, &name); err != nil || !p.set(name) {
		return fmt.Errorf("is %s; expected true, false, or a name", data)
	}
	return nil
}

// set reads the text of a Caddyfile: on, off or a name. Other words for on and off are no names,
// because they are more likely a mistake.
func (p *Persistence) set(text string) bool {
	*p = Persistence(text)
	return !slices.Contains([]string{"", "true", "false", "yes", "no"}, text)
}

// MarshalJSON implements json.Marshaler.
func (p Persistence) MarshalJSON() ([]byte, error) {
	switch p {
	case "", persistOn:
		return []byte("true"), nil
	case persistOff:
		return []byte("false"), nil
	}
	return json.Marshal(string(p))
}

// shared returns the name under which lists are shared; empty if they belong to this instance.
func (p Persistence) shared() string {
	if p == persistOn || p == persistOff {
		return ""
	}
	return string(p)
}
