package lbpolicy

import (
	"strings"
	"testing"
)

func TestNamesThatNoRequestHasAreRefused(t *testing.T) {
	for _, name := range []string{"", "X Session", "X:Session", "sess;ion", "a=b", "größe", "a\n", "{x}", "a,b"} {
		if checkFieldName(name) == nil || checkCookieName(name) == nil {
			t.Errorf("%q is a name", name)
		}
	}
	for _, name := range []string{"X-Session", "lb", "__Host-lb", "a.b", "x_1", "!#$%&'*+-.^_`|~"} {
		if err := checkFieldName(name); err != nil {
			t.Error(err)
		}
		if err := checkCookieName(name); err != nil {
			t.Error(err)
		}
	}
}

func TestFieldsThatCannotCarryATokenAreRefused(t *testing.T) {
	for _, name := range []string{
		"Set-Cookie", "set-cookie", "Content-Length", "Content-Type", "Transfer-Encoding", "Host", "Connection", "TE",
		"Upgrade", "Trailer", "Location", "ETag", "Authorization", "Sec-WebSocket-Accept", "X-Forwarded-For",
	} {
		if err := checkTokenField(name); err == nil || !strings.Contains(err.Error(), "expected another field") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, name := range []string{"X-Session", "Session", "My-Content", "X-Host", "Acme-Route"} {
		if err := checkTokenField(name); err != nil {
			t.Error(err)
		}
	}
}

func TestAFieldThatIsReadMayHaveAMeaningOfItsOwn(t *testing.T) {
	for _, name := range []string{"Host", "Authorization", "User-Agent", "Content-Type"} {
		if err := checkFieldName(name); err != nil {
			t.Error(err)
		}
	}
	if checkFieldName("Connection") == nil {
		t.Error("a field that Caddy removes is read")
	}
}
