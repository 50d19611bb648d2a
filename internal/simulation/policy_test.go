package simulation

import (
	"encoding/json"
	"slices"
	"strings"

	_ "github.com/caddy-balance/caddy-balance"
)

// policy is a selection policy as a user would configure it.
type policy struct {
	name   string
	config string
	ours   bool
	pool   map[string]any // what else is configured of the pool, where a scenario has one
}

// compared are the policies that run in every scenario without a list of its own: three of Caddy's
// for comparison, and ours.
var compared = []policy{
	{name: "round_robin", config: `{"policy":"round_robin"}`},
	{name: "random_choose 2", config: `{"policy":"random_choose","choose":2}`},
	{name: "least_conn", config: `{"policy":"least_conn"}`},
	{name: "adaptive_latency", config: `{"policy":"adaptive_latency"}`, ours: true},
}

// everyday are the policies that run in scenarios of mixed traffic.
var everyday = append(slices.Clip(compared), policy{name: "oracle", config: `{"policy":"oracle","fleet":"` + fleetName + `"}`})

// fleetName stands for the name of the fleet in the config of a policy.
const fleetName = "$fleet"

// rivals are the two policies that matter where the difference is a few per cent.
var rivals = compared[2:]

// policyList is the value of the -policy flag.
type policyList []policy

func (l *policyList) String() string { return "" }

func (l *policyList) Set(text string) error {
	*l = append(*l, parsePolicy(text))
	return nil
}

// parsePolicy reads the name of a compared policy, the ID of another one, or the JSON of a policy.
func parsePolicy(text string) policy {
	if i := slices.IndexFunc(everyday, func(p policy) bool { return p.name == text }); i >= 0 {
		return everyday[i]
	}
	if strings.HasPrefix(text, "{") {
		return policy{name: text, config: text}
	}
	id, _ := json.Marshal(text)
	return policy{name: text, config: `{"policy":` + string(id) + `}`}
}
