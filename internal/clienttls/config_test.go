package clienttls

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func TestConfigIsNilOnlyWithoutSettings(t *testing.T) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	defer cancel()
	if config, err := Config(ctx, nil); config != nil || err != nil {
		t.Errorf("without settings: got %v, %v", config, err)
	}
	for name, settings := range map[string]reverseproxy.TLSConfig{
		"nothing set": {},
		"a name":      {ServerName: "etcd.internal"},
		"no checks":   {InsecureSkipVerify: true},
	} {
		config, err := Config(ctx, &settings)
		if err != nil || config == nil {
			t.Errorf("%s: got %v, %v", name, config, err)
			continue
		}
		if config.ServerName != settings.ServerName || config.InsecureSkipVerify != settings.InsecureSkipVerify {
			t.Errorf("%s: got %+v", name, config)
		}
	}
}

func TestErrorsNameTheField(t *testing.T) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	defer cancel()
	_, err := Config(ctx, &reverseproxy.TLSConfig{ClientCertificateFile: "client.crt"})
	if err == nil || !strings.HasPrefix(err.Error(), "tls: client_certificate_file ") {
		t.Errorf("got %v", err)
	}
}
