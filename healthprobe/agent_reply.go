package healthprobe

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

var advisedModes = map[string]AdvisedMode{
	"ready": AdvisedReady,
	"drain": AdvisedDrain,
	"maint": AdvisedMaint,
}

// parseAgentReply parses the line of an agent, without the end of the line. down is the reason if
// the endpoint is down or the line has an error. An agent may report that the endpoint is down and
// advise at the same time; the advice then counts when the endpoint is up again.
func parseAgentReply(line string) (advice Advice, down error) {
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
			if !applyAdvice(&advice, word) {
				return Advice{}, fmt.Errorf("the agent's word %.40q is not known", given)
			}
		}
	}
	return advice, down
}

// applyAdvice adds what a word says to the advice. It reports whether the word is known.
func applyAdvice(advice *Advice, word string) bool {
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
	return truncate(errors.New(text))
}
