package lbpolicy

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestASplitWarnsOnceOfEndpointsInNoGroup(t *testing.T) {
	core, log := observer.New(zap.WarnLevel)
	s := newSplitOf(t, loggedPool(t, zap.New(core)), `"groups":[{"name":"stable","match":{"version":"a"}},
		{"name":"canary","match":{"version":"b"},"share":10}]`, "ab")
	want := func(when string, warnings, ungrouped int) {
		t.Helper()
		lines := log.FilterMessage("endpoints are in no group of split, and get no requests from it").TakeAll()
		if len(lines) != warnings || s.roster.Ungrouped() != ungrouped {
			t.Errorf("%s: %d warnings and %d endpoints, want %d and %d",
				when, len(lines), s.roster.Ungrouped(), warnings, ungrouped)
		}
		if len(lines) > 0 && lines[0].ContextMap()["first"] != "c-1:80" {
			t.Errorf("%s: %v", when, lines[0].ContextMap())
		}
		log.TakeAll()
	}
	want("all are in a group", 0, 0)
	s.list("acbc")
	want("two are in none", 1, 2)
	s.list("acbcc")
	want("one more", 0, 3)
	s.list("ab")
	s.list("ac")
	want("again", 1, 1)
	info := s.roster.Snapshot().Find("c-1:80").Info
	if groups, ungrouped := s.roster.GroupsOf(info); len(groups) > 0 || !ungrouped {
		t.Errorf("the endpoint is in %v", groups)
	}
	info = s.roster.Snapshot().Find("a-0:80").Info
	if groups, ungrouped := s.roster.GroupsOf(info); len(groups) != 1 || groups[0] != "stable" || ungrouped {
		t.Errorf("the endpoint is in %v", groups)
	}
}
