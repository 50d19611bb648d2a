package nacos

import (
	"encoding/json"
	"testing"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestAHostileListIsCheap(t *testing.T) {
	hosts := map[string]string{
		"valid":    sourcetest.Numbered(`{"ip":"10.0.0.1","port":%d,"healthy":true,"enabled":true,"weight":1}`, sourcetest.HostileSize),
		"metadata": sourcetest.Repeated(`{"metadata":{`+sourcetest.Numbered(`"%d":""`, 60_000)+`}}`, sourcetest.HostileSize),
	}
	for what, entry := range sourcetest.HostileEntries {
		hosts[what] = sourcetest.Repeated(entry, sourcetest.HostileSize)
	}
	for what, list := range hosts {
		t.Run(what, func(t *testing.T) {
			text := []byte(`{"resultCode":200,"serviceInfo":{"hosts":[` + list + `]}}`)
			sourcetest.WantCheap(t, func() {
				answer := newSubscribed(discovery.DefaultMaxEndpoints)
				if json.Unmarshal(text, answer) == nil {
					gather(answer.ServiceInfo.Hosts.list)
				}
			})
			sourcetest.WantCheap(t, func() {
				push := newPushed(discovery.DefaultMaxEndpoints)
				if json.Unmarshal(text, push) == nil {
					gather(push.ServiceInfo.Hosts.list)
				}
			})
		})
	}
}
