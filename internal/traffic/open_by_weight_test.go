package traffic

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// openPolls opens n long polls, which a reload does not end, and returns where each of them is.
func (o *openBackends) openPolls(t *testing.T, p *proxy, n int) (names []string) {
	t.Helper()
	for range n {
		names = append(names, o.open(t, p.SiteSocket(0), "GET /wait?as=poll"))
	}
	return names
}

// weightsOf gives three backends the weights 1, 2 and 3, in each way that a policy takes them.
func weightsOf(f fleet, policy string) map[string]string {
	return map[string]string{
		"static": fmt.Sprintf("reverse_proxy %s {\nlb_policy %s 1 2 3\n}", f, policy),
		"a pool": poolWith(staticEndpoints(f, "weight 1", "weight 2", "weight 3"), "lb_policy "+policy),
	}
}

func TestOpenConnectionsFollowWeightsThroughAReload(t *testing.T) {
	for _, kind := range []string{"static", "a pool"} {
		t.Run(kind, func(t *testing.T) {
			o := startOpenBackends(t, 3)
			site := weightsOf(o.fleet, "weighted_least_conn")[kind]
			p := startProxy(t, site)
			at := o.openPolls(t, p, 7) // not by weight yet
			if err := p.reload(site + "\n# again"); err != nil {
				t.Fatal(err)
			}
			got := make(map[string]int)
			for _, name := range append(at, o.openPolls(t, p, 5)...) {
				got[name]++
			}
			if want := map[string]int{"b0": 2, "b1": 4, "b2": 6}; !maps.Equal(got, want) {
				t.Errorf("%v are open, want %v", got, want)
			}
		})
	}
}

// inOrderOfAddresses is the order of a pool, and of a list that is written so.
func inOrderOfAddresses(f fleet) fleet {
	f = slices.Clone(f)
	slices.SortFunc(f, compareAddresses)
	return f
}

func TestBackendsAreFilledOneAfterTheOtherThroughAReload(t *testing.T) {
	for kind := range limited(nil) {
		t.Run(kind, func(t *testing.T) {
			o := startOpenBackends(t, 3)
			fleet := inOrderOfAddresses(o.fleet)
			site := fmt.Sprintf("reverse_proxy {\n%s\nlb_policy weighted_first\n}", limited(fleet)[kind])
			p := startProxy(t, site)
			got := o.openPolls(t, p, 3)
			if err := p.reload(site + "\n# again"); err != nil {
				t.Fatal(err)
			}
			got = append(got, o.openPolls(t, p, 2)...)
			want := []string{fleet[0].name, fleet[0].name, fleet[1].name, fleet[1].name, fleet[2].name}
			if !slices.Equal(got, want) {
				t.Errorf("polls are at %s, want %s", strings.Join(got, " "), strings.Join(want, " "))
			}
		})
	}
}
