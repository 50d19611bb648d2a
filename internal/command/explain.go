package command

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "explain <pool> [<uri>] [--method <method>] [--host <host>] [--header <name>:<value>] [--client <ip>]",
		Short:   "Says which endpoint a request would go to, and why",
		Long:    "Says which endpoint a request would go to now, and why. It sends no request to an endpoint.",
		Args:    cobra.RangeArgs(1, 2),
		Example: "  caddy pools explain web /cart?id=3 --header 'Cookie: session=1' --client 192.0.2.7",
	}
	flags := cmd.Flags()
	flags.StringP("method", "X", "GET", "Method of the request")
	flags.String("host", "", "Host of the request")
	flags.StringArrayP("header", "H", nil, "Header field of the request, as 'Name: value'; may be repeated")
	flags.String("client", "", "IP address of the client (default 127.0.0.1)")
	completeNames(cmd, 1)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		body, err := s.explainBody(args)
		if err != nil {
			return err
		}
		var all []endpoint.Explanation
		r := request{method: http.MethodPost, pool: args[0], action: "explain", body: body}
		return s.print(ctx, r, &all, func() string { return explanationsText(all) })
	})
}

func (s *session) explainBody(args []string) (map[string]any, error) {
	fields, err := s.flags.GetStringArray("header")
	if err != nil {
		return nil, err
	}
	headers := make(map[string]string)
	for _, field := range fields {
		name, value, ok := strings.Cut(field, ":")
		if !ok {
			return nil, fmt.Errorf("header: %q is not of the form 'Name: value'", field)
		}
		headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	uri := "/"
	if len(args) == 2 {
		uri = args[1]
	}
	return map[string]any{
		"method": s.flags.String("method"), "uri": uri, "host": s.flags.String("host"),
		"client": s.flags.String("client"), "headers": headers,
	}, nil
}

func explanationsText(all []endpoint.Explanation) string {
	texts := make([]string, len(all))
	for i := range all {
		texts[i] = explanationText(&all[i])
	}
	return strings.Join(texts, "\n")
}

func explanationText(e *endpoint.Explanation) string {
	var text strings.Builder
	line := func(format string, args ...any) { text.WriteString(printable(fmt.Sprintf(format, args...)) + "\n") }
	if e.Admission != nil {
		line("%s", admissionText(e.Admission))
	}
	line("%s picks %s%s", e.Policy, cmp.Or(e.Picked, pickedInTurn(e)), because(e.Reason))
	if len(e.Sites) > 0 {
		line("for %s", sitesText(e))
	}
	if e.Group != "" {
		line("group %s", e.Group)
	}
	if e.Route != "" {
		parked := ""
		if e.Parked {
			parked = ", whose requests are parked"
		}
		line("route %s%s", e.Route, parked)
	}
	if e.Key != "" {
		line("key %s", e.Key)
	}
	if len(e.Bands) > 1 {
		for i, band := range e.Bands {
			line("band %d: priority %d%s, %s, %.1f%% of the requests",
				i, band.Priority, zoneText(band.Zone), count.Of(band.Endpoints, "endpoint"), band.Share*100)
		}
	}
	return text.String() + "\n" + explainedTable(e)
}

// sitesText names the sites whose policy it is.
func sitesText(e *endpoint.Explanation) string {
	text := strings.Join(e.Sites, "; ")
	if e.MoreSites > 0 {
		text += fmt.Sprintf("; and %d more", e.MoreSites)
	}
	return text
}

func zoneText(zone string) string {
	if zone == "" {
		return ""
	}
	return ", zone " + zone
}

// pickedInTurn says what a policy picks that names no endpoint, because turns or chance decide.
func pickedInTurn(e *endpoint.Explanation) string {
	for i := range e.Endpoints {
		if x := &e.Endpoints[i]; x.Usable && x.Reason == "" {
			return "a usable endpoint"
		}
	}
	return "none"
}

func explainedTable(e *endpoint.Explanation) string {
	t := table{head: []string{"", "ENDPOINT", "ID", "BAND", "RANK", "COST", "STATE", "PARTS", "WHY"}}
	for i := range e.Endpoints {
		one := &e.Endpoints[i]
		picked, band, cost := "", "", ""
		if one.Address == e.Picked {
			picked = ">"
		}
		if len(e.Bands) > 1 && one.Band >= 0 {
			band = fmt.Sprint(one.Band)
		}
		if one.Cost != nil {
			cost = fmt.Sprintf("%.4g", *one.Cost)
		}
		t.add(picked, one.Address, one.ID, band, number(one.Rank), cost,
			usableText(&one.Status), partsText(one.Parts), one.Reason)
	}
	return t.String()
}

func usableText(s *endpoint.Status) string {
	if s.Usable == (s.State == "healthy") {
		return s.State
	}
	if s.Usable {
		return s.State + ", usable"
	}
	return s.State + ", not usable"
}

func partsText(parts map[string]float64) string {
	texts := make([]string, 0, len(parts))
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		texts = append(texts, fmt.Sprintf("%s %.4g", name, parts[name]))
	}
	return strings.Join(texts, ", ")
}
