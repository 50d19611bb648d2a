package etcd

import (
	"context"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestAUserNeedsThePasswordAndARoleThatReadsThePrefix(t *testing.T) {
	etcd := startServer(t)
	etcd.put("web/a", "10.0.0.1:80")
	etcd.put("app/a", "10.0.0.2:80")
	etcd.enableAuth("web/", "hunter2")
	user := Source{Endpoints: []string{etcd.address}, Username: "caddy", Password: "hunter2"}

	right := user
	running := start(t, &right)
	running.WantList("10.0.0.1:80")

	wrong := user
	wrong.Password = "hunter3"
	start(t, &wrong).WantError("connecting to etcd: etcdserver: authentication failed, invalid user ID or password")

	anonymous := Source{Endpoints: []string{etcd.address}}
	start(t, &anonymous).WantError("listing web/: etcdserver: user name is empty")

	elsewhere := user
	elsewhere.Prefix = "app"
	start(t, &elsewhere).WantError("listing app/: etcdserver: permission denied")

	running.WantNoError() // checks of the revision need no other permission
}

func TestTheCertificateOfEtcdIsVerified(t *testing.T) {
	etcd := startServerOver(t, "https")
	etcd.put("web/a", "10.0.0.1:80")
	start(t, &Source{Endpoints: []string{"https://" + etcd.address}}).WantError("certificate signed by unknown authority")
	start(t, &Source{Endpoints: []string{etcd.address}}).WantError("listing web/: ") // http to a server with TLS
	insecure := &reverseproxy.TLSConfig{InsecureSkipVerify: true}
	start(t, &Source{Endpoints: []string{etcd.address}, TLS: insecure}).WantList("10.0.0.1:80")
}

// enableAuth turns permissions on and adds the user caddy, whose role may read the prefix. The
// client of the server has no permissions afterwards.
func (s *server) enableAuth(prefix, password string) {
	s.t.Helper()
	read := clientv3.PermissionType(clientv3.PermRead)
	for _, do := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := s.client.UserAdd(ctx, "root", "root"); return err },
		func(ctx context.Context) error { _, err := s.client.UserGrantRole(ctx, "root", "root"); return err },
		func(ctx context.Context) error { _, err := s.client.RoleAdd(ctx, "caddy"); return err },
		func(ctx context.Context) error {
			_, err := s.client.RoleGrantPermission(ctx, "caddy", prefix, clientv3.GetPrefixRangeEnd(prefix), read)
			return err
		},
		func(ctx context.Context) error { _, err := s.client.UserAdd(ctx, "caddy", password); return err },
		func(ctx context.Context) error { _, err := s.client.UserGrantRole(ctx, "caddy", "caddy"); return err },
		func(ctx context.Context) error { _, err := s.client.AuthEnable(ctx); return err },
	} {
		s.must(do)
	}
}
