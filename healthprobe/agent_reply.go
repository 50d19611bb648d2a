package healthprobe

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

var advisedModes = map[string]endpoint.AdvisedMode{
	"ready": endpoint.AdvisedReady,
	"drain": endpoint.AdvisedDrain,
	"maint": endpoint.AdvisedMaint,
}

// parseAgentLine reads a line without its end. An agent that is down may give advice for later at the same time.
func parseAgentLine(line string) (advice endpoint.Advice, down error) {
	line, reason, _ := strings.Cut(line, "#")
	words := strings.FieldsFunc(line, func(c rune) bool { return c == ',' || unicode.IsSpace(c) })
	if len(words) == 0 {
		return advice, errors.New("the agent's line has no word; expected up, down, drain, 75% or the like")
	}
	for _, given := range words {
		switch word := strings.ToLower(given); word {
		case "up":
			down = nil
		case "down", "fail", "failed", "stopped":
			down = agentDown(word, reason)
		default:
			if !adviseBy(&advice, word) {
				return endpoint.Advice{}, fmt.Errorf("the agent's word %.40q is not known", given)
			}
		}
	}
	return advice, down
}

func adviseBy(advice *endpoint.Advice, word string) bool {
	if mode, ok := advisedModes[word]; ok {
		advice.Mode = &mode
		return true
	}
	if limit, ok := strings.CutPrefix(word, "maxconn:"); ok {
		return setCount(&advice.MaxRequests, limit)
	}
	share, ok := strings.CutSuffix(word, "%")
	return ok && setCount(&advice.Percent, share)
}

func setCount(into **int, digits string) bool {
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
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
	return shortened(errors.New(text))
}
