package egress

import (
	"reflect"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// ListenersOf returns the listeners of the config that is being provisioned: those of its admin
// endpoints and of its sites. An address that Caddy cannot parse is left out, because the config
// then fails to load.
func ListenersOf(ctx caddy.Context) Listeners {
	// Also while it is being provisioned itself, the app has all servers and their addresses.
	app, err := ctx.AppIfConfigured("http")
	if err != nil {
		return NewListeners(adminAddresses(ctx), nil)
	}
	var sites []string
	for _, server := range app.(*caddyhttp.App).Servers {
		sites = append(sites, server.Listen...)
	}
	return NewListeners(adminAddresses(ctx), sites)
}

// NewListeners returns the listeners with these addresses, which may have placeholders.
func NewListeners(admin, sites []string) Listeners {
	var all Listeners
	for _, text := range admin {
		all.admin.addText(text)
	}
	for _, text := range sites {
		all.sites.addText(text)
	}
	all.sites.sort()
	return all
}

func (l *listeners) addText(text string) {
	text, err := caddy.NewReplacer().ReplaceOrErr(text, true, true)
	if err != nil {
		return
	}
	if address, err := caddy.ParseNetworkAddress(text); err == nil {
		l.add(address)
	}
}

// adminAddresses returns the addresses of the local and the remote admin endpoint. Caddy has no
// function that tells them, so they are read from a private field. A test fails if an upgrade of
// Caddy changes that.
func adminAddresses(ctx caddy.Context) []string {
	config := reflect.ValueOf(ctx).FieldByName("cfg")
	if !config.IsValid() || config.IsNil() || config.Elem().FieldByName("Admin").IsNil() {
		return []string{caddy.DefaultAdminListen}
	}
	admin := config.Elem().FieldByName("Admin").Elem()
	var all []string
	if !admin.FieldByName("Disabled").Bool() {
		all = append(all, orDefault(admin, caddy.DefaultAdminListen))
	}
	if remote := admin.FieldByName("Remote"); !remote.IsNil() {
		all = append(all, orDefault(remote.Elem(), caddy.DefaultRemoteAdminListen))
	}
	return all
}

func orDefault(endpoint reflect.Value, otherwise string) string {
	if listen := endpoint.FieldByName("Listen").String(); listen != "" {
		return listen
	}
	return otherwise
}
