package databases

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

// askDNS asks once for the zone of the servers, without another try.
func askDNS(network, address string) error {
	client := &dns.Client{Net: network, Timeout: 2 * time.Second}
	_, _, err := client.Exchange(new(dns.Msg).SetQuestion(servers.Zone, dns.TypeSOA), address)
	return err
}

func TestDNSServersAnswerOverUDPAndTCPThoughOneIsKilled(t *testing.T) {
	first, second := servers.StartKnot(t), servers.StartKnot(t)
	front := caddytest.FreeAddress(t)
	startExample(t, "dns-servers", "127.0.0.1:53", front, "10.0.0.1:53", first.Address, "10.0.0.2:53", second.Address)

	const clients = 4
	var answered, failed atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := range clients {
		network := []string{"udp", "tcp"}[i%2]
		wg.Go(func() {
			for !stop.Load() {
				if err := askDNS(network, front); err != nil {
					failed.Add(1)
					t.Log(network, err)
				} else {
					answered.Add(1)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	defer wg.Wait()
	defer stop.Store(true)
	more := func() {
		t.Helper()
		goal := answered.Load() + 500
		eventually(t, "500 answers", func() bool { return answered.Load() >= goal })
	}
	more()
	first.Kill()
	more()
	// A question that the server had taken when it was killed is lost. There is one of each client
	// at most.
	if n := failed.Load(); n > clients {
		t.Errorf("%d questions have no answer", n)
	}
}
