package lbpolicy

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestAValueIsFoundWhereItIs(t *testing.T) {
	for _, c := range []struct {
		place        valuePlace
		target, name string
		want         string
	}{
		{inQuery, "/?a=1&room=7&room=8", "room", "7"},
		{inQuery, "/?room=&room=8", "room", "8"},
		{inQuery, "/?ro%6Fm=a%20b", "room", "a b"},
		{inQuery, "/?room=a+b", "room", "a b"},
		{inQuery, "/?room=%zz&room=8", "room", "8"},
		{inQuery, "/?broom=7&room", "room", ""},
		{inQuery, "/", "room", ""},
		{inPath, "/cart;route=web-7", "route", "web-7"},
		{inPath, "/cart;a=b;route=web-7/items;c=d", "route", "web-7"},
		{inPath, "/cart;route=;route=x", "route", "x"},
		{inPath, "/cart;jsessionid=4f.web-7?route=x", "jsessionid", "4f.web-7"},
		{inPath, "/cart;route/7", "route", ""},
		{inPath, "/route=7", "route", ""},
		{inHeader, "/", "X-Session", "h"},
		{inHeader, "/", "Host", "example.com"},
		{inHeader, "/", "X-None", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, c.target, nil)
		r.Header["X-Session"] = []string{"", "h"}
		if got := c.place.valueOf(r, c.name); got != c.want {
			t.Errorf("%s of %s is %q, want %q", c.name, c.target, got, c.want)
		}
	}
}

func FuzzValuesOfRequests(f *testing.F) {
	f.Add("/a;b=c/;b=", "a=b&&=%", "b")
	f.Fuzz(func(t *testing.T, path, query, name string) {
		queryValue(query, name)
		pathValue(path, name)
		for c := (cookieReader{lines: []string{path, query}}); c.next(name); {
			if c.value == "" {
				t.Error("found a cookie without a value")
			}
		}
	})
}

func TestARouteEndsWithTheIDOfAnEndpoint(t *testing.T) {
	r := newResidents(unkeyed, []resident{{"10.0.0.1:80", "web-1"}, {"10.0.0.2:80", "10.0.0.2:80"}, {"10.0.0.3:80", "a.b"}})
	r.inText = true
	for text, want := range map[string]int{
		"web-1": 0, "4f2a.web-1": 0, "4.f.2.a.web-1": 0, "10.0.0.2:80": 1, "4f2a.10.0.0.2:80": 1,
		"4.f.10.0.0.2:80": 1, "a.b": 2, "x.a.b": 2, "x.y.a.b": 2, "web-2": -1, "x.web-2": -1, "": -1, ".": -1, "web-1.": -1,
	} {
		if got := r.find(text); got != want {
			t.Errorf("%q is at %d, want %d", text, got, want)
		}
	}
}

func TestARouteIsInTheSessionCookieOrThePath(t *testing.T) {
	both := &StickyRoute{Cookie: "JSESSIONID", Path: "jsessionid"}
	for _, c := range []struct {
		name    string
		route   *StickyRoute
		target  string
		cookies []string
		session string
	}{
		{"cookie", both, "/", []string{"a=b; JSESSIONID=4f.web-1; c=d"}, "4f.web-1"},
		{"quoted cookie", both, "/", []string{`JSESSIONID="4f.web-1"`}, "4f.web-1"},
		{"path", both, "/cart;jsessionid=4f.web-2/items", nil, "4f.web-2"},
		{"cookie and path", both, "/;jsessionid=4f.web-2", []string{"JSESSIONID=4f.web-1"}, "4f.web-1"},
		{"cookie without a route, and path", both, "/;jsessionid=4f.web-2", []string{"JSESSIONID=4f"}, "4f.web-2"},
		{"two cookies", both, "/", []string{"JSESSIONID=4f; JSESSIONID=5a.web-3", "JSESSIONID=6b.web-1"}, "5a.web-3"},
		{"cookie that is all route", both, "/", []string{"JSESSIONID=web-1"}, "web-1"},
		{"another cookie", both, "/", []string{"jsessionid=4f.web-1"}, ""},
		{"empty cookie", both, "/", []string{"JSESSIONID="}, ""},
		{"path that is not asked for", &StickyRoute{Cookie: "JSESSIONID"}, "/;jsessionid=4f.web-2", nil, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, c.target, nil)
		r.Header["Cookie"] = c.cookies
		if s, ok := c.route.read(r, time.Time{}, true); s.token != c.session || ok != (c.session != "") {
			t.Errorf("%s: the session is %q, want %q", c.name, s.token, c.session)
		}
	}
}
