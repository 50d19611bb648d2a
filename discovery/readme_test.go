package discovery_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestSnippetsInTheReadmeAreFromTheExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_source_test.go")
	if err != nil {
		t.Fatal(err)
	}
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(snippets) == 0 {
		t.Error("the README has no snippet")
	}
	for _, s := range snippets {
		if !strings.Contains(string(example), s[1]) {
			t.Errorf("the example does not have\n%s", s[1])
		}
	}
}
