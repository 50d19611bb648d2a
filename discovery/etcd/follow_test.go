package etcd

import (
	"context"
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestKeysThatComeChangeAndGoAreFollowed(t *testing.T) {
	etcd := startServer(t)
	etcd.put("web/a", "10.0.0.1:80")
	etcd.put("web-admin/a", "10.0.0.66:80")
	f := follow(t, &Source{Endpoints: []string{etcd.address}})
	f.wants("10.0.0.1:80")
	etcd.put("web/c", `{"address":"10.0.0.3:80","weight":3}`)
	etcd.put("web/b", `{"Op":0,"Addr":"10.0.0.2:80"}`)
	f.wants("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
	etcd.put("web/a", "10.0.0.9:80")
	f.wants("10.0.0.9:80", "10.0.0.2:80", "10.0.0.3:80")
	etcd.put("web/b", "nonsense")
	f.wants("10.0.0.9:80", "10.0.0.3:80")
	f.until("the key of the mistake", func() bool { return len(f.lost) == 1 && f.lost[0].Key == "web/b" })
	etcd.delete("web/a")
	etcd.delete("web/b")
	etcd.delete("web/c")
	f.wants()
	f.until("no mistake", func() bool { return len(f.lost) == 0 })
	f.wantsNoError()
}

func TestAPrefixWithoutKeysIsAnEmptyList(t *testing.T) {
	etcd := startServer(t)
	f := follow(t, &Source{Endpoints: []string{etcd.address}})
	f.wants()
	etcd.put("web/a", "10.0.0.1:80")
	f.wants("10.0.0.1:80")
}

func TestAKeyGoesWithItsLease(t *testing.T) {
	etcd := startServer(t)
	lease, err := etcd.client.Grant(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	etcd.put("web/a", "10.0.0.1:80")
	etcd.put(fmt.Sprintf("web/b/%d", lease.ID), "10.0.0.2:80", clientv3.WithLease(lease.ID))
	f := follow(t, &Source{Endpoints: []string{etcd.address}})
	f.wants("10.0.0.1:80", "10.0.0.2:80")
	f.until("no id of the lease", func() bool { return f.last[0].ID == "a" && f.last[1].ID == "" })
	f.wants("10.0.0.1:80")
	f.wantsNoError()
}

func TestACrashOfEtcdKeepsTheListAndMissesNothing(t *testing.T) {
	etcd := startServer(t)
	etcd.put("web/a", "10.0.0.1:80")
	f := follow(t, &Source{Endpoints: []string{etcd.address}})
	f.wants("10.0.0.1:80")
	etcd.kill()
	f.wantsError("refused")
	f.wants("10.0.0.1:80")
	etcd.start()
	etcd.put("web/b", "10.0.0.2:80")
	f.wants("10.0.0.1:80", "10.0.0.2:80")
}

func TestAnEtcdThatComesBackEmptyIsNoticed(t *testing.T) {
	etcd := startServer(t)
	etcd.put("web/a", "10.0.0.1:80")
	etcd.put("web/b", "10.0.0.2:80")
	f := follow(t, &Source{Endpoints: []string{etcd.address}})
	f.wants("10.0.0.1:80", "10.0.0.2:80")
	etcd.kill()
	etcd.forget()
	etcd.start() // at revision 1, with the same ids of cluster and member
	f.wants()
	etcd.put("web/c", "10.0.0.3:80")
	f.wants("10.0.0.3:80")
}

// A resumed watch, and any look at the revision afterwards, would take this etcd for the old one.
func TestAnEtcdThatCameBackEmptyAndOvertookItsOldRevisionIsNoticed(t *testing.T) {
	etcd := startServer(t)
	line := startLine(t, etcd.address)
	etcd.put("web/a", "10.0.0.1:80")
	f := follow(t, &Source{Endpoints: []string{line.address}})
	f.wants("10.0.0.1:80")
	line.cut()
	etcd.kill()
	etcd.forget()
	etcd.start()
	for range 10 {
		etcd.put("web/b", "10.0.0.2:80")
	}
	line.mend()
	f.wants("10.0.0.2:80")
}

func TestWhatWasCompactedWhileTheConnectionWasDownIsListed(t *testing.T) {
	etcd := startServer(t)
	line := startLine(t, etcd.address)
	etcd.put("web/a", "10.0.0.1:80")
	f := follow(t, &Source{Endpoints: []string{line.address}})
	f.wants("10.0.0.1:80")
	line.cut()
	f.wantsError("watching web/: rpc error: code = Aborted desc = the connection broke")
	etcd.put("web/b", "10.0.0.2:80")
	etcd.delete("web/a")
	etcd.compact()
	line.mend()
	f.wants("10.0.0.2:80")
}

func TestAConnectionThatGoesSilentIsNoticed(t *testing.T) {
	etcd := startServer(t)
	line := startLine(t, etcd.address)
	etcd.put("web/a", "10.0.0.1:80")
	f := follow(t, &Source{Endpoints: []string{line.address}})
	f.wants("10.0.0.1:80")
	line.freeze()
	f.wantsError("watching web/: no answer within 2s")
	f.wantsError("listing web/: no answer within 2s")
	etcd.put("web/b", "10.0.0.2:80")
	line.mend()
	f.wants("10.0.0.1:80", "10.0.0.2:80")
}

func TestOneMemberOfSeveralIsEnough(t *testing.T) {
	etcd := startServer(t)
	etcd.put("web/a", "10.0.0.1:80")
	f := follow(t, &Source{Endpoints: []string{freeAddress(t), etcd.address}})
	f.wants("10.0.0.1:80")
	f.wantsNoError()
}

func TestTenThousandKeysAreAFewPagesAndAFewLists(t *testing.T) {
	etcd := startServer(t)
	const n = 10_000
	etcd.fill(n / 2)
	f := follow(t, &Source{Endpoints: []string{etcd.address}})
	f.until("the first half", func() bool { return len(f.last) == n/2 })
	etcd.fill(n)
	f.until("all", func() bool { return len(f.last) == n })
	f.until("few lists", func() bool { return f.lists < n/20 })
	f.wantsNoError()
}

func TestLargeValuesCostNobodyElse(t *testing.T) {
	etcd := startServer(t)
	huge := strings.Repeat("x", 1<<20)
	for i := range 20 { // more than etcd may answer at once
		etcd.put(fmt.Sprintf("web/huge-%02d", i), huge)
	}
	etcd.put("web/z", "10.0.0.1:80")
	f := follow(t, &Source{Endpoints: []string{etcd.address}})
	f.wants("10.0.0.1:80")
	f.until("twenty are dropped", func() bool { return len(f.lost) == 20 })
	f.wantsNoError()
}
