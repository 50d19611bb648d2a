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
	f := follow(t, &right)
	f.wants("10.0.0.1:80")

	wrong := user
	wrong.Password = "hunter3"
	follow(t, &wrong).wantsError("connecting to etcd: etcdserver: authentication failed, invalid user ID or password")

	anonymous := Source{Endpoints: []string{etcd.address}}
	follow(t, &anonymous).wantsError("listing web/: etcdserver: user name is empty")

	elsewhere := user
	elsewhere.Prefix = "app"
	follow(t, &elsewhere).wantsError("listing app/: etcdserver: permission denied")

	f.wantsNoError() // looks at the revision need no more than the role
}

func TestTheCertificateOfEtcdIsVerified(t *testing.T) {
	etcd := startServerOver(t, "https")
	etcd.put("web/a", "10.0.0.1:80")
	follow(t, &Source{Endpoints: []string{"https://" + etcd.address}}).wantsError("certificate signed by unknown authority")
	follow(t, &Source{Endpoints: []string{etcd.address}}).wantsError("listing web/: ") // without TLS
	trusting := &reverseproxy.TLSConfig{InsecureSkipVerify: true}
	follow(t, &Source{Endpoints: []string{etcd.address}, TLS: trusting}).wants("10.0.0.1:80")
}

// enableAuth makes the user caddy, whose role may read the prefix. The server's own client is of no use afterwards.
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
