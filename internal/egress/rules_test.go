package egress

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// rules are those of a pool in a Caddy with its admin endpoint at localhost:2019.
func rules(t *testing.T, allow, deny []string, sites ...string) *Rules {
	t.Helper()
	r, err := New(allow, deny, NewListeners([]string{"localhost:2019"}, sites))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantCheck(t *testing.T, r *Rules, address, want string) {
	t.Helper()
	switch err := r.Check(address); {
	case want == "" && err != nil:
		t.Errorf("%s: refused: %v", address, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: got %v; want %s", address, err, want)
	}
}

func TestSomeAddressesAreRefusedWhateverThePoolAllows(t *testing.T) {
	everything := []string{"0.0.0.0/0", "::/0", "169.254.0.0/16", "fe80::/10", "unix", "own_listeners"}
	for address, want := range map[string]string{
		"0.0.0.0:80":                    "an address to listen on",
		"[::]:80":                       "an address to listen on",
		"[::ffff:0.0.0.0]:80":           "an address to listen on",
		"[::%lo]:80":                    "an address to listen on",
		"0.1.2.3:80":                    "0.1.2.3 is in 0.0.0.0/8, which belongs to no server",
		"224.0.0.1:80":                  "multicast",
		"[ff02::1%eth0]:80":             "multicast",
		"255.255.255.255:80":            "broadcast",
		"169.254.169.254:80":            "169.254.169.254 is the address of a metadata service",
		"[::ffff:169.254.169.254]:80":   "metadata",
		"[::ffff:a9fe:a9fe]:80":         "metadata",
		"[::ffff:a9fe:a9fe%eth0]:80":    "metadata",
		"[64:ff9b::a9fe:a9fe]:80":       "metadata",
		"tcp4/169.254.169.254:80":       "metadata",
		"[fd00:ec2::254]:80":            "metadata",
		"[fd00:0ec2::0254]:80":          "metadata",
		"tcp6/[fd00:ec2::254%eth0]:80":  "metadata",
		"[fe80::a9fe:a9fe%eth0]:80":     "metadata",
		"100.100.100.200:80":            "metadata",
		"127.0.0.1:2019":                "127.0.0.1:2019 is the admin endpoint of this Caddy",
		"127.5.5.5:2019":                "admin endpoint",
		"[::1]:2019":                    "admin endpoint",
		"[::ffff:127.0.0.1]:2019":       "admin endpoint",
		"tcp/127.0.0.1:2019":            "admin endpoint",
		"localhost:2019":                "localhost:2019 is the admin endpoint of this Caddy",
		"localhost.:2019":               "admin endpoint",
		"web.localhost:2019":            "admin endpoint",
		"tcp6/localhost:2019":           "admin endpoint",
		"[64:ff9b::127.0.0.1]:2019":     "admin endpoint",
		"[64:ff9b::255.255.255.255]:80": "broadcast",
	} {
		wantCheck(t, rules(t, nil, nil), address, want)
		wantCheck(t, rules(t, everything, nil), address, want)
	}
}

func TestLinkLocalTakesANetworkThatNamesIt(t *testing.T) {
	for _, c := range []struct{ allow, address, want string }{
		{"", "169.254.1.1:80", "169.254.1.1 is link-local, which takes allow with a network in 169.254.0.0/16"},
		{"", "[fe80::1%eth0]:80", "fe80::1 is link-local, which takes allow with a network in fe80::/10"},
		{"", "[febf::1]:80", "link-local"},
		{"0.0.0.0/0", "169.254.1.1:80", "link-local"},
		{"::/0", "[fe80::1%eth0]:80", "link-local"},
		{"fe00::/8", "[fe80::1%eth0]:80", "link-local"},
		{"fe80::/10", "169.254.1.1:80", "link-local"},
		{"169.254.0.0/16", "169.254.1.1:80", ""},
		{"169.254.1.1", "169.254.1.1:80", ""},
		{"169.254.1.1", "169.254.1.2:80", "link-local"},
		{"::ffff:169.254.0.0/112", "169.254.1.1:80", ""},
		{"fe80::/10", "[fe80::1%eth0]:80", ""},
		{"fe80::/64", "[fe80::1]:80", ""},
		{"fe80::/64", "[fe80:1::1]:80", "link-local"},
		{"169.254.0.0/16", "169.254.169.254:80", "metadata"},
		{"169.254.169.254", "169.254.169.254:80", "metadata"},
	} {
		var allow []string
		if c.allow != "" {
			allow = []string{c.allow}
		}
		wantCheck(t, rules(t, allow, nil), c.address, c.want)
	}
}

func TestAllowAndDenyAreListsOfNetworks(t *testing.T) {
	for _, c := range []struct {
		allow, deny   string
		address, want string
	}{
		{"", "", "10.0.0.7:80", ""},
		{"", "", "127.0.0.1:80", ""},
		{"", "", "[2001:db8::1]:80", ""},
		{"", "", "web.internal:80", ""},
		{"10.0.0.0/8", "", "10.0.0.7:80", ""},
		{"10.0.0.0/8", "", "11.0.0.7:80", "11.0.0.7 is in no network that the pool allows"},
		{"10.0.0.0/8", "", "[2001:db8::1]:80", "no network"},
		{"10.0.0.0/8", "", "127.0.0.1:80", "no network"},
		{"10.0.0.0/8", "", "web.internal:80", ""}, // judged at each dial
		{"10.1.2.3/8", "", "10.0.0.7:80", ""},
		{"10.0.0.7", "", "10.0.0.7:80", ""},
		{"10.0.0.7", "", "10.0.0.8:80", "no network"},
		{"10.0.0.0/8", "10.1.0.0/16", "10.0.0.7:80", ""},
		{"10.0.0.0/8", "10.1.0.0/16", "10.1.0.7:80", "10.1.0.7 is in 10.1.0.0/16, which the pool denies"},
		{"10.1.0.7", "10.1.0.0/16", "10.1.0.7:80", "denies"},
		{"", "10.1.0.0/16", "10.1.0.7:80", "denies"},
		{"", "10.1.0.0/16", "tcp4/10.1.0.7:80", "denies"},
		{"", "10.1.0.0/16", "[64:ff9b::10.1.0.7]:80", "denies"},
		{"", "10.1.0.0/16", "192.0.2.1:80", ""},
		{"", "2001:db8::/32", "[2001:db8::1]:80", "denies"},
		{"private_ranges", "", "192.168.1.1:80", ""},
		{"private_ranges", "", "[fd12::1]:80", ""},
		{"private_ranges", "", "172.31.0.1:80", ""},
		{"private_ranges", "", "8.8.8.8:80", "no network"},
		{"", "private_ranges", "127.0.0.1:80", "denies"},
		{"unix", "", "10.0.0.7:80", ""},
		{"own_listeners", "", "10.0.0.7:80", ""},
	} {
		wantCheck(t, rules(t, strings.Fields(c.allow), strings.Fields(c.deny)), c.address, c.want)
	}
}

func TestOnlyTCPIsAllowedUnlessThePoolAllowsUnixSockets(t *testing.T) {
	for _, address := range []string{"unix//var/run/docker.sock", "unix/@abstract", "unix/app.sock", "unixpacket//a"} {
		wantCheck(t, rules(t, nil, nil), address, "is a unix socket; expected TCP, unless the pool has allow unix")
		wantCheck(t, rules(t, []string{"0.0.0.0/0", "::/0"}, nil), address, "is a unix socket")
		wantCheck(t, rules(t, []string{"unix"}, nil), address, "")
	}
}

func TestMistakesInNetworksAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"":              `allow: "" is not a network such as 10.0.0.0/8; expected a network, private_ranges, unix or own_listeners`,
		"10.0.0.0/33":   `allow: "10.0.0.0/33" is not a network`,
		"10.0.0":        "is not a network",
		"web.internal":  "is not a network",
		"10.0.0.7:80":   "is not a network",
		"fe80::1%eth0":  "is not a network",
		"fe80::%eth0/9": "is not a network",
		"Unix":          "is not a network",
	} {
		if _, err := New([]string{text}, nil, Listeners{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v; want %s", text, err, want)
		}
		want := "deny: "
		if _, err := New(nil, []string{text}, Listeners{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v; want %s", text, err, want)
		}
	}
	if _, err := New(nil, []string{"unix"}, Listeners{}); err == nil {
		t.Error("unix was taken for a network to deny")
	}
}

func TestCaddysOwnListenersAreRefusedUnlessThePoolAllowsThem(t *testing.T) {
	here := ownAddress(t)
	for _, c := range []struct{ site, address string }{
		{":8080", "127.0.0.1:8080"},
		{":8080", "[::1]:8080"},
		{":8080", "localhost:8080"},
		{":8080", netip.AddrPortFrom(here, 8080).String()},
		{"0.0.0.0:8080", "127.0.0.1:8080"},
		{"[::]:8080", "127.0.0.1:8080"},
		{"tcp4/:8080", "127.0.0.1:8080"},
		{":8080-8090", "127.0.0.1:8085"},
		{"127.0.0.1:8080", "127.0.0.1:8080"},
		{"localhost:8080", "[::1]:8080"},
		{"192.0.2.7:8080", "192.0.2.7:8080"},
		{"[2001:db8::7]:8080", "[2001:0db8::7]:8080"},
		{"caddy.internal:8080", "127.0.0.1:8080"},
		{"caddy.internal:8080", "caddy.internal:8080"},
	} {
		wantCheck(t, rules(t, nil, nil, c.site), c.address, "is a listener of this Caddy, which takes allow own_listeners")
		wantCheck(t, rules(t, []string{"own_listeners"}, nil, c.site), c.address, "")
	}
	for _, c := range []struct{ site, address string }{
		{":8080", "127.0.0.1:8081"},
		{":8080", "192.0.2.7:8080"},
		{":8080", "web.internal:8080"},
		{"127.0.0.1:8080", "127.0.0.2:8080"},
		{"192.0.2.7:8080", "127.0.0.1:8080"},
		{"udp/:8080", "127.0.0.1:8080"},
		{"unix//run/caddy.sock", "127.0.0.1:8080"},
		{"fd/3", "127.0.0.1:3"},
	} {
		wantCheck(t, rules(t, nil, nil, c.site), c.address, "")
	}
}

// The config of another app, such as that of a plugin, is not known.
func TestListenersOfOtherAppsAreRefusedToo(t *testing.T) {
	for _, c := range []struct{ listen, dial string }{
		{"127.0.0.1:0", "127.0.0.1"}, {":0", "127.0.0.1"}, {"localhost:0", "127.0.0.1"}, {"tcp4/0.0.0.0:0", "127.0.0.1"},
	} {
		free := freePort(t)
		address, err := caddy.ParseNetworkAddress(strings.TrimSuffix(c.listen, "0") + free)
		if err != nil {
			t.Fatal(err)
		}
		listener, err := address.Listen(t.Context(), 0, listenConfig)
		if err != nil {
			t.Fatal(err)
		}
		wantCheck(t, rules(t, nil, nil), c.dial+":"+free, "is a listener of this Caddy")
		wantCheck(t, rules(t, []string{"own_listeners"}, nil), c.dial+":"+free, "")
		if err := listener.(interface{ Close() error }).Close(); err != nil {
			t.Fatal(err)
		}
		wantCheck(t, rules(t, nil, nil), c.dial+":"+free, "")
	}
}

func TestCaddysOwnSocketsAreRefusedByWhateverPath(t *testing.T) {
	folder := t.TempDir()
	admin, site, link := filepath.Join(folder, "admin.sock"), filepath.Join(folder, "site.sock"), filepath.Join(folder, "link")
	for _, path := range []string{admin, site} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(admin, link); err != nil {
		t.Fatal(err)
	}
	own := NewListeners([]string{"unix/" + admin + "|0200"}, []string{"unix/" + site})
	for _, c := range []struct{ allow, path, want string }{
		{"unix", admin, "is the admin endpoint of this Caddy"},
		{"unix own_listeners", folder + "/./x/../admin.sock", "admin endpoint"},
		{"unix own_listeners", link, "admin endpoint"},
		{"unix", site, "is a listener of this Caddy, which takes allow own_listeners"},
		{"unix own_listeners", site, ""},
		{"unix", folder + "/app.sock", ""},
	} {
		r, err := New(strings.Fields(c.allow), nil, own)
		if err != nil {
			t.Fatal(err)
		}
		wantCheck(t, r, "unix/"+c.path, c.want)
	}
}

func TestWithoutRulesEverythingIsPermitted(t *testing.T) {
	var none *Rules
	wantCheck(t, none, "169.254.169.254:80", "")
	if err := none.CheckSocket(netip.MustParseAddrPort("0.0.0.0:1")); err != nil {
		t.Error(err)
	}
	if err := none.CheckUnix("/a"); err != nil {
		t.Error(err)
	}
}

func FuzzCheckNeverPanics(f *testing.F) {
	for _, seed := range []string{"10.0.0.7:80", "[::ffff:1.2.3.4%a]:1", "unix/|", "tcp6/a:1", "[64:ff9b::1]:0", "localhost:2019", "/"} {
		f.Add(seed)
	}
	r, err := New([]string{"10.0.0.0/8"}, []string{"::/0"}, NewListeners([]string{"localhost:2019"}, nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, address string) { _ = r.Check(address) })
}

func BenchmarkCheck(b *testing.B) {
	r, err := New([]string{"private_ranges"}, nil, NewListeners(nil, []string{":443"}))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Check("10.0.0.7:443"); err != nil {
			b.Fatal(err)
		}
	}
}
