package load

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func sameRoute(a, b Key) bool { return a.exact == b.exact }

func get(path string) Key { return KeyOf(Plain, "GET", path) }

func TestPathsOfOneRoute(t *testing.T) {
	for _, c := range []struct {
		paths string
		same  bool
	}{
		{"/users/17 /users/42", true},
		{"/users/17/orders /users/42/orders", true},
		{"/users/17/orders /users/17/invoices", false},
		{"/users/17 /orders/17", false},
		{"/users/17 /users", false},
		{"/users /users/", false},
		{"/img/4f3a91.png /img/0c1d2e.png", true},
		{"/img/4f3a91.png /img/4f3a91.jpg", false},
		{"/img/4f3a91.png /img/4f3a91", false},
		{"/o/123e4567-e89b-12d3-a456-426614174000 /o/00000000-0000-0000-0000-000000000000", true},
		{"/o/01ARZ3NDEKTSV4RRFFQ69G5FAV /o/01BX5ZZKBKACTAV9WEVGEMMVRZ", true},
		{"/watch/dQw4w9WgXcQ /watch/9bZkp7q19f0", true},
		{"/cart;jsessionid=0A1B2C3D4E5F60718293A4B5C6D7E8F9.web-7 /cart", true},
		{"/cart;a=b/items;c=d /cart/items;e", true},
		{"/cart;jsessionid=4f2a /list;jsessionid=4f2a", false},
		{"/;a /", true},
		{"/v1/users /v2/users", false},
		{"/s3/x /s4/x", false},
		{"/a.mp3 /a.mp4", false},
		{"/order17 /order42", true},
		{"/order17 /item17", false},
		{"/a//b /a/b", false},
		{"/a//b /a//c", false},
		{"/a/b /b/a", false},
		{"/ab/c /a/bc", false},
		{"* *", true},
		{"* /users", false},
		{"/1/2/3/4/5/6/7/8/x /1/2/3/4/5/6/7/8/y", true},
		{"/1/2/3/4/5/6/7/x /1/2/3/4/5/6/7/y", false},
		{"/\xff/\xfe /\xff/\xfe", true},
		{"/\xff/\xfe /\xff/\xfd", false},
	} {
		a, b, _ := strings.Cut(c.paths, " ")
		if got := sameRoute(get(a), get(b)); got != c.same {
			t.Errorf("%q and %q are one route: %v, want %v", a, b, got, c.same)
		}
	}
}

func TestAnEmptyPathIsARouteOfItsOwn(t *testing.T) {
	if sameRoute(get(""), get("/")) || !sameRoute(get(""), get("")) {
		t.Error("an empty path is not told from /")
	}
}

func TestMethodsAndKindsAreToldApart(t *testing.T) {
	keys := map[uint64]string{}
	for name, k := range map[string]Key{
		"GET":          KeyOf(Plain, "GET", "/feed"),
		"POST":         KeyOf(Plain, "POST", "/feed"),
		"HEAD":         KeyOf(Plain, "HEAD", "/feed"),
		"event stream": KeyOf(Stream, "GET", "/feed"),
		"upgrade":      KeyOf(Upgrade, "GET", "/feed"),
		"call":         KeyOf(Call, "GET", "/feed"),
		"text":         TextKey("/feed"),
	} {
		if other, ok := keys[k.exact]; ok {
			t.Errorf("%s and %s are one route", name, other)
		}
		keys[k.exact] = name
	}
}

func TestAMethodOfGRPCIsExact(t *testing.T) {
	call := func(path string) Key { return KeyOf(Call, "POST", path) }
	if !sameRoute(call("/shop.v1.Orders/Get"), call("/shop.v1.Orders/Get")) {
		t.Error("a method is not one route")
	}
	for _, other := range []string{"/shop.v1.Orders/Get2", "/shop.v2.Orders/Get", "/shop.v1.Orders/List"} {
		if sameRoute(call("/shop.v1.Orders/Get"), call(other)) {
			t.Errorf("/shop.v1.Orders/Get and %s are one route", other)
		}
	}
}

func TestTheSectionOfACallIsItsService(t *testing.T) {
	call := func(path string) Key { return KeyOf(Call, "POST", path) }
	section := call("/shop.v1.Orders/Get").section
	if section != call("/shop.v1.Orders/List").section {
		t.Error("two methods of a service are in different sections")
	}
	for _, other := range []string{"/shop.v2.Orders/Get", "/shop.v1.Items/Get"} {
		if section == call(other).section {
			t.Errorf("/shop.v1.Orders/Get and %s are in one section", other)
		}
	}
	if k := call("/Get"); k.section != k.method {
		t.Error("a path without a service has a section")
	}
}

func TestATextIsExact(t *testing.T) {
	if !sameRoute(TextKey("a 1"), TextKey("a 1")) || sameRoute(TextKey("a 1"), TextKey("a 2")) {
		t.Error("texts are not routes")
	}
}

func TestOnlyPathsOfMoreThanOneSegmentHaveASection(t *testing.T) {
	for path, has := range map[string]bool{
		"": false, "*": false, "/": false, "/users": false, "/users/": true, "/users/17": true, "//x": true,
	} {
		if k := get(path); (k.section != k.method) != has {
			t.Errorf("%q has a section: %v, want %v", path, !has, has)
		}
	}
	if get("/users/17").section != get("/users/x/y").section {
		t.Error("/users/17 and /users/x/y are in different sections")
	}
	if get("/users/17").section == get("/users").exact {
		t.Error("a section is the route of its own name")
	}
}

func TestAPathOfAMegabyteIsARoute(t *testing.T) {
	for _, path := range []string{strings.Repeat("/a", 1<<19), "/" + strings.Repeat("a", 1<<20)} {
		k := get(path)
		if !sameRoute(k, get(path)) {
			t.Error("it is not always the same")
		}
		if n := len(k.exactName()); n > maxName+len("...") {
			t.Errorf("its name has %d bytes", n)
		}
	}
}

func TestNamesOfRoutes(t *testing.T) {
	for _, c := range []struct {
		key                    Key
		exact, section, method string
	}{
		{get("/users/17/orders"), "GET /users/*/orders", "GET /users/...", "GET ..."},
		{get("/cart;route=web-7/items"), "GET /cart/items", "GET /cart/...", "GET ..."},
		{get("//x"), "GET //x", "GET //...", "GET ..."},
		{get("/1/2/3/4/5/6/7/8/9"), "GET /*/*/*/*/*/*/*/*/...", "GET /*/...", "GET ..."},
		{KeyOf(Stream, "GET", "/feed"), "stream GET /feed", "stream GET /feed/...", "stream GET ..."},
		{KeyOf(Upgrade, "GET", "/ws"), "upgrade GET /ws", "upgrade GET /ws/...", "upgrade GET ..."},
		{KeyOf(Call, "POST", "/a.B/C1"), "POST /a.B/C1", "POST /a.B/...", "POST ..."},
	} {
		exact, section, method := c.key.exactName(), c.key.sectionName(), c.key.methodName()
		if exact != c.exact || section != c.section || method != c.method {
			t.Errorf("got %q, %q and %q, want %q, %q and %q", exact, section, method, c.exact, c.section, c.method)
		}
	}
	if k := TextKey("checkout"); k.exactName() != "checkout" || k.methodName() != "others" {
		t.Errorf("a text is called %q and %q", k.exactName(), k.methodName())
	}
}

// paths are of all kinds.
var paths = []string{
	"", "*", "/", "/a//b", "/users/17", "/\xff\xfe/1", "/img/4f3a91.png", "/api/v2/shops/17/orders/4f3a91/items",
	"/" + strings.Repeat("é", 40), strings.Repeat("/a1", 5000), "/" + strings.Repeat("a", 100_000),
}

func TestKeyOfDoesNotAllocate(t *testing.T) {
	for _, path := range paths {
		for kind := Plain; kind <= Text; kind++ {
			if n := testing.AllocsPerRun(10, func() { KeyOf(kind, "GET", path) }); n > 0 {
				t.Errorf("%v allocations for %.40q", n, path)
			}
		}
	}
}

func FuzzKeyOf(f *testing.F) {
	for _, path := range paths {
		f.Add(uint8(Plain), "GET", path)
	}
	f.Add(uint8(Call), "POST", "/\xff.B/C")
	f.Add(uint8(Text), "", "\xff")
	f.Fuzz(func(t *testing.T, kind uint8, method, path string) {
		k := KeyOf(Kind(kind%uint8(Text)), method, path)
		if kind%(uint8(Text)+1) == uint8(Text) {
			k = TextKey(path)
		} else if k != KeyOf(Kind(kind%uint8(Text)), method, path) {
			t.Fatal("the key of a request varies")
		}
		for _, name := range []string{k.exactName(), k.sectionName(), k.methodName()} {
			if len(name) > maxName+len("...") || !utf8.ValidString(name) {
				t.Fatalf("the name %q has %d bytes, valid: %v", name, len(name), utf8.ValidString(name))
			}
		}
	})
}
