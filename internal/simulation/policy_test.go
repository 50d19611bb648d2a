package simulation

import (
	"encoding/json"
	"slices"
	"strings"
)

// policy is a selection policy as a user would configure it.
type policy struct {
	name   string
	config string
}

// compared are the policies that run in every scenario: three of Caddy's as the measure, and ours.
var compared = []policy{
	{"round_robin", `{"policy":"round_robin"}`},
	{"random_choose 2", `{"policy":"random_choose","choose":2}`},
	{"least_conn", `{"policy":"least_conn"}`},
	{"adaptive_latency", `{"policy":"adaptive_latency"}`},
}

// policyList is the value of the -policy flag.
type policyList []policy

func (l *policyList) String() string { return "" }

func (l *policyList) Set(text string) error {
	*l = append(*l, parsePolicy(text))
	return nil
}

// parsePolicy takes the name of a compared policy, the ID of any other, or a policy's JSON.
func parsePolicy(text string) policy {
	if i := slices.IndexFunc(compared, func(p policy) bool { return p.name == text }); i >= 0 {
		return compared[i]
	}
	if strings.HasPrefix(text, "{") {
		return policy{text, text}
	}
	id, _ := json.Marshal(text)
	return policy{text, `{"policy":` + string(id) + `}`}
}
