package e2e

import (
	"net/http"
	"testing"
)

func TestRegistrationExpires(t *testing.T) {
	r := startSelfRegistration(t)
	c := startChain(t, r)
	b3 := startBackend(t, "b3").entry()
	fields := b3.fields()
	fields["ttl"] = "1s"
	if err := send(client(c.proxy.admin(), true), http.MethodPut, endpointURL(b3), fields); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is listed", func() bool { return source().Entries == 4 })
	eventually(t, "its time is over", func() bool { return source().Entries == 3 })
	c.expect(each(c.backends...))
	c.finish()
}
