package recovered

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func panics() { panic("oops") }

func TestAPanicIsAnErrorWithItsStack(t *testing.T) {
	err := Do("the probe", panics)
	if err == nil || err.Error() != "the probe panicked: oops" {
		t.Fatalf("got %v", err)
	}
	fields := Fields(fmt.Errorf("a check: %w", err))
	if len(fields) != 2 || !strings.Contains(fields[1].String, "recovered.panics") {
		t.Errorf("the log has %v", fields)
	}
}

func TestAPanicWithAnErrorIsThatError(t *testing.T) {
	cause := errors.New("oops")
	if err := Do("the probe", func() { panic(cause) }); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

func TestAnErrorAndNoneStay(t *testing.T) {
	cause := errors.New("oops")
	if err := Call("the probe", func() error { return cause }); !errors.Is(err, cause) || len(Fields(err)) != 1 {
		t.Errorf("got %v", err)
	}
	if err := Do("the probe", func() {}); err != nil {
		t.Errorf("got %v", err)
	}
}
