package healthprobe

import (
	"fmt"
	"strings"
	"testing"
)

// replyOf writes advice as an agent does.
func replyOf(a Advice) string {
	var words []string
	if a.Down != nil {
		words = append(words, map[bool]string{false: "up", true: "down"}[*a.Down])
	}
	if a.Mode != nil {
		words = append(words, map[AdvisedMode]string{
			AdvisedReady: "ready", AdvisedDrain: "drain", AdvisedMaint: "maint",
		}[*a.Mode])
	}
	if a.Percent != nil {
		words = append(words, fmt.Sprint(*a.Percent, "%"))
	}
	if a.Weight != nil {
		words = append(words, fmt.Sprint("weight:", *a.Weight))
	}
	if a.MaxRequests != nil {
		words = append(words, fmt.Sprint("maxconn:", *a.MaxRequests))
	}
	return strings.Join(words, " ")
}

func TestTheWordsOfAnAgentAreAdvice(t *testing.T) {
	for line, want := range map[string]string{
		"up":                            "up",
		"ready":                         "ready",
		"drain":                         "drain",
		"maint":                         "maint",
		"75%":                           "75%",
		"0%":                            "0%",
		"250%":                          "250%",
		"weight:128":                    "weight:128",
		"weight:0":                      "weight:0",
		"weight:65535":                  "weight:65535",
		"weight:75%":                    "75%",
		"75% weight:128":                "weight:128",
		"weight:128 75%":                "75%",
		"maxconn:30":                    "maxconn:30",
		"maxconn:0":                     "maxconn:0",
		"UP Ready 50% MaxConn:5":        "up ready 50% maxconn:5",
		"WEIGHT:7":                      "weight:7",
		" \tup,\tready , 50%,maxconn:5": "up ready 50% maxconn:5",
		"drain ready":                   "ready",
		"ready drain 1% 2%":             "drain 2%",
		"down up":                       "up",
		"up # all is well":              "up",
		"":                              "",
		" , ":                           "",
		"# reason":                      "",
	} {
		r := parseAgentReply(line)
		if got := replyOf(r.advice); got != want || r.known != (want != "") || r.down != nil || r.unknown != nil {
			t.Errorf("%q: got %q, %+v; want %q", line, got, r, want)
		}
	}
}

func TestAnAgentMayGiveAReason(t *testing.T) {
	for line, want := range map[string]struct{ advice, reason string }{
		"down":                        {"down", "the agent says down"},
		"up down":                     {"down", "the agent says down"},
		"fail":                        {"down", "the agent says fail"},
		"Failed":                      {"down", "the agent says failed"},
		"stopped#":                    {"down", "the agent says stopped"},
		"down#disk full":              {"down", `the agent says down: "disk full"`},
		"down # disk # full":          {"down", `the agent says down: "disk # full"`},
		"drain 10% down # bye\x1b[2J": {"down drain 10%", `the agent says down: "bye\x1b[2J"`},
	} {
		r := parseAgentReply(line)
		if wantError(t, line, r.down, want.reason); replyOf(r.advice) != want.advice {
			t.Errorf("%q: got %q, want %q", line, replyOf(r.advice), want.advice)
		}
	}
}

func TestUnknownWordsHaveNoEffect(t *testing.T) {
	for line, want := range map[string]struct{ advice, unknown string }{
		"foo":                        {"", "foo"},
		"drain Hello":                {"drain", "Hello"},
		"load:3 50% up idle":         {"up 50%", "load:3 idle"},
		"HTTP/1.1 400 Bad Request":   {"", "HTTP/1.1 400 Bad Request"},
		"%":                          {"", "%"},
		"-5%":                        {"", "-5%"},
		"+5%":                        {"", "+5%"},
		"7.5%":                       {"", "7.5%"},
		"75":                         {"", "75"},
		"99999999999%":               {"", "99999999999%"},
		"maxconn:":                   {"", "maxconn:"},
		"maxconn:-1":                 {"", "maxconn:-1"},
		"weight:":                    {"", "weight:"},
		"weight:-1 weight:x":         {"", "weight:-1 weight:x"},
		"weight:65536 up":            {"up", "weight:65536"},
		"weight:99999999999999999":   {"", "weight:99999999999999999"},
		"weight:5 weight:%":          {"weight:5", "weight:%"},
		"down" + "x, up # unknown z": {"up", "downx"},
	} {
		r := parseAgentReply(line)
		if got := strings.Join(r.unknown, " "); got != want.unknown || replyOf(r.advice) != want.advice {
			t.Errorf("%q: got %q and %q, want %q and %q", line, replyOf(r.advice), got, want.advice, want.unknown)
		}
	}
}

func FuzzParseAgentReply(f *testing.F) {
	for _, seed := range []string{"up ready 75%,maxconn:30", "down # x", "drain\tfail#", "", "\x00%", "٣%", "weight:5%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r := parseAgentReply(line)
		for _, count := range []*int{r.advice.Percent, r.advice.Weight, r.advice.MaxRequests} {
			if count != nil && *count < 0 {
				t.Errorf("%q: %d", line, *count)
			}
		}
		again := parseAgentReply(replyOf(r.advice))
		if replyOf(again.advice) != replyOf(r.advice) || again.unknown != nil {
			t.Errorf("%q is %q, which is %q", line, replyOf(r.advice), replyOf(again.advice))
		}
	})
}
