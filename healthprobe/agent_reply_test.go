package healthprobe

import (
	"fmt"
	"strings"
	"testing"
)

// replyOf writes advice as an agent does.
func replyOf(a Advice) string {
	var words []string
	if a.Mode != nil {
		words = append(words, map[AdvisedMode]string{
			AdvisedReady: "ready", AdvisedDrain: "drain", AdvisedMaint: "maint",
		}[*a.Mode])
	}
	if a.Percent != nil {
		words = append(words, fmt.Sprint(*a.Percent, "%"))
	}
	if a.MaxRequests != nil {
		words = append(words, fmt.Sprint("maxconn:", *a.MaxRequests))
	}
	return strings.Join(words, " ")
}

func TestTheWordsOfAnAgentAreAdviceOrAFailure(t *testing.T) {
	for line, want := range map[string]struct{ advice, err string }{
		"up":                            {"", ""},
		"ready":                         {"ready", ""},
		"drain":                         {"drain", ""},
		"maint":                         {"maint", ""},
		"75%":                           {"75%", ""},
		"0%":                            {"0%", ""},
		"250%":                          {"250%", ""},
		"maxconn:30":                    {"maxconn:30", ""},
		"maxconn:0":                     {"maxconn:0", ""},
		"UP Ready 50% MaxConn:5":        {"ready 50% maxconn:5", ""},
		" \tup,\tready , 50%,maxconn:5": {"ready 50% maxconn:5", ""},
		"drain ready":                   {"ready", ""},
		"ready drain 1% 2%":             {"drain 2%", ""},
		"down up":                       {"", ""},
		"up # all is well":              {"", ""},
		"down":                          {"", "the agent says down"},
		"up down":                       {"", "the agent says down"},
		"fail":                          {"", "the agent says fail"},
		"Failed":                        {"", "the agent says failed"},
		"stopped#":                      {"", "the agent says stopped"},
		"down#disk full":                {"", `the agent says down: "disk full"`},
		"down # disk # full":            {"", `the agent says down: "disk # full"`},
		"drain 10% down # bye\x1b[2J":   {"drain 10%", `the agent says down: "bye\x1b[2J"`},
		"":                              {"", "the agent's line has no word; expected up, down, drain, 75% or the like"},
		" , ":                           {"", "the agent's line has no word; expected up, down, drain, 75% or the like"},
		"# reason":                      {"", "the agent's line has no word; expected up, down, drain, 75% or the like"},
		"drain hello":                   {"", `the agent's word "hello" is not known`},
		"HTTP/1.1 400 Bad Request":      {"", `the agent's word "HTTP/1.1" is not known`},
		"%":                             {"", `the agent's word "%" is not known`},
		"-5%":                           {"", `the agent's word "-5%" is not known`},
		"+5%":                           {"", `the agent's word "+5%" is not known`},
		"7.5%":                          {"", `the agent's word "7.5%" is not known`},
		"75":                            {"", `the agent's word "75" is not known`},
		"99999999999%":                  {"", `the agent's word "99999999999%" is not known`},
		"maxconn:":                      {"", `the agent's word "maxconn:" is not known`},
		"maxconn:-1":                    {"", `the agent's word "maxconn:-1" is not known`},
		"weight:5":                      {"", `the agent's word "weight:5" is not known`},
		strings.Repeat("x", 100):        {"", `the agent's word "` + strings.Repeat("x", 40) + `" is not known`},
	} {
		advice, err := parseAgentReply(line)
		if wantError(t, line, err, want.err); replyOf(advice) != want.advice {
			t.Errorf("%q: got %q, want %q", line, replyOf(advice), want.advice)
		}
	}
}

func FuzzParseAgentReply(f *testing.F) {
	for _, seed := range []string{"up ready 75%,maxconn:30", "down # x", "drain\tfail#", "", "\x00%", "٣%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		advice, err := parseAgentReply(line)
		if err != nil {
			return
		}
		for _, count := range []*int{advice.Percent, advice.MaxRequests} {
			if count != nil && *count < 0 {
				t.Errorf("%q: %d", line, *count)
			}
		}
		again, err := parseAgentReply(replyOf(advice) + " up")
		if err != nil || replyOf(again) != replyOf(advice) {
			t.Errorf("%q is %q, which is %q (%v)", line, replyOf(advice), replyOf(again), err)
		}
	})
}
