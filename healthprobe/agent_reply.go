package healthprobe

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

var advisedModes = map[string]AdvisedMode{
	"ready": AdvisedReady,
	"drain": AdvisedDrain,
	"maint": AdvisedMaint,
}

// agentReply is the meaning of an agent's line.
type agentReply struct {
	advice  Advice
	down    error    // the reason if the endpoint is down
	known   bool     // whether any word is known
	unknown []string // the words that are not
}

// parseAgentReply parses the line of an agent, without the end of the line. An agent may report
// that the endpoint is down and advise at the same time; the advice then counts when the endpoint
// is up again.
func parseAgentReply(line string) (r agentReply) {
	line, reason, _ := strings.Cut(line, "#")
	words := strings.FieldsFunc(line, func(c rune) bool { return c == ',' || unicode.IsSpace(c) })
	for _, given := range words {
		if r.apply(strings.ToLower(given), reason) {
			r.known = true
		} else {
			r.unknown = append(r.unknown, given)
		}
	}
	return r
}

// apply adds what a word says. It reports whether the word is known.
func (r *agentReply) apply(word, reason string) bool {
	switch word {
	case "up":
		r.down, r.advice.Down = nil, new(bool)
		return true
	case "down", "fail", "failed", "stopped":
		isDown := true
		r.down, r.advice.Down = agentDown(word, reason), &isDown
		return true
	}
	if mode, ok := advisedModes[word]; ok {
		r.advice.Mode = &mode
		return true
	}
	if limit, ok := strings.CutPrefix(word, "maxconn:"); ok {
		return setCount(&r.advice.MaxRequests, limit, listing.MaxCount)
	}
	return r.applyWeight(word)
}

// applyWeight takes 50%, weight:50% and weight:50. The last one of them counts.
func (r *agentReply) applyWeight(word string) bool {
	number, isWeight := strings.CutPrefix(word, "weight:")
	var weight Advice
	ok := false
	if share, isShare := strings.CutSuffix(number, "%"); isShare {
		ok = setCount(&weight.Percent, share, listing.MaxCount)
	} else if isWeight {
		ok = setCount(&weight.Weight, number, listing.MaxWeight)
	}
	if ok {
		r.advice.Percent, r.advice.Weight = weight.Percent, weight.Weight
	}
	return ok
}

func setCount(into **int, digits string, most uint64) bool {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > most {
		return false
	}
	count := int(n)
	*into = &count
	return true
}

func agentDown(word, reason string) error {
	text := "the agent says " + word
	if reason = strings.TrimSpace(reason); reason != "" {
		text += fmt.Sprintf(": %q", reason)
	}
	return truncate(errors.New(text))
}
