package e2e

import (
	"net/http"
	"testing"
)

func TestRegistrationExpires(t *testing.T) {
	r := startSelfRegistration(t)
	c := startTestbed(t, r)
	b3 := startBackend(t, "b3").entry()
	fields := b3.fields()
	fields["ttl"] = "1s"
	if err := send(c.proxy.adminClient(), http.MethodPut, endpointURL(b3), fields); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the backend is listed", func() bool { return source().Entries == 4 })
	eventually(t, "the registration expires", func() bool { return source().Entries == 3 })
	c.expect(each(c.backends...))
	c.finish()
}
