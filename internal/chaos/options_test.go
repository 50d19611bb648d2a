package main

import (
	"io"
	"strings"
	"testing"
)

func TestEachFormHasItsDefaults(t *testing.T) {
	for args, want := range map[string]options{
		"":                     {rate: 300, parallel: 1},
		"-short":               {rate: 100, parallel: 6},
		"-short -parallel 2":   {rate: 100, parallel: 2},
		"-rate 50 -parallel 3": {rate: 50, parallel: 3},
	} {
		o, err := parse(strings.Fields(args), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if o.rate != want.rate || o.parallel != want.parallel || len(o.scenarios) != len(scenarios) {
			t.Errorf("%q: %+v", args, o)
		}
	}
}

func TestScenariosAreChosenByName(t *testing.T) {
	o, err := parse([]string{"-scenarios", "rolling deploy,SIGTERM"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.scenarios) != 2 || o.scenarios[0] != &rollingDeploy || o.scenarios[1] != &sigterm {
		t.Errorf("%+v", o.scenarios)
	}
}

func TestWrongFlagsAreRefusedWithTheReason(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-scenarios rain", `unknown scenario "rain", not one of rolling deploy, kills`},
		{"-rate -1", "must be positive"},
		{"kills", `unexpected argument "kills"`},
	} {
		_, err := parse(strings.Fields(test.args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.args, err)
		}
	}
}

func TestEveryScenarioCanBeChosen(t *testing.T) {
	for _, name := range names() {
		if selected, err := selectScenarios(name); err != nil || len(selected) != 1 {
			t.Errorf("%q: %v", name, err)
		}
	}
}
