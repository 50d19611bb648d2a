package servers

import (
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestEveryBinaryHasARecipeOfItsVersion(t *testing.T) {
	for _, b := range Binaries {
		recipe, err := recipes.ReadFile("recipes/" + b.Name + ".mod")
		if err != nil || !strings.Contains(string(recipe), " v"+b.Version+" ") {
			t.Errorf("%s %s: %v", b.Name, b.Version, err)
		}
	}
}

func TestEtcdComesBackWithItsDataOrWithout(t *testing.T) {
	s := StartEtcd(t)
	s.Restart()
	s.RestartEmpty()
	s.Stop()
	expectNoListener(t, s.Address)
}

func TestKnotKeepsUpdatesOverARestart(t *testing.T) {
	s := StartKnot(t)
	a, _ := dns.NewRR("a.svc.test. 1 A 127.0.0.2")
	s.Update(func(m *dns.Msg) { m.Insert([]dns.RR{a}) })
	s.Restart()
	if n := s.count(t, a.Header().Name); n != 1 {
		t.Errorf("%d records after a restart", n)
	}
	s.RestartEmpty()
	if n := s.count(t, a.Header().Name); n != 0 {
		t.Errorf("%d records after a loss", n)
	}
}

func (k *Knot) count(t *testing.T, name string) int {
	answer, err := dns.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), k.Address)
	if err != nil {
		t.Fatal(err)
	}
	return len(answer.Answer)
}

func TestKubernetesComesBack(t *testing.T) {
	s := StartKubernetes(t)
	s.RestartEmpty()
	if _, err := get(t.Context(), s.Client(StrangerToken), "https://"+s.Address+"/version", nil); err != nil {
		t.Error(err)
	}
}

func TestConsulComesBack(t *testing.T) {
	s := StartConsul(t)
	s.Restart()
	s.RestartEmpty()
}

func expectNoListener(t *testing.T, address string) {
	t.Helper()
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Errorf("a server still listens at %s", address)
	}
}
