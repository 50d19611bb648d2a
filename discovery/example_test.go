package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// An error ends Poll. The pool keeps the last list, and runs the source again after a pause.
func ExamplePoll() {
	lookups := 0
	lookup := func(context.Context) (discovery.Answer, error) {
		lookups++
		if lookups > 2 {
			return discovery.Answer{}, errors.New("registry is down")
		}
		var answer discovery.AnswerBuilder
		for n := range lookups {
			answer.Add("web", discovery.Endpoint{Address: fmt.Sprintf("10.0.0.%d:80", n+1), Weight: 1})
		}
		return answer.Answer(), nil
	}
	err := discovery.Poll(context.Background(), time.Millisecond, func(a discovery.Answer) {
		fmt.Println("endpoints:", len(a.Endpoints))
	}, lookup)
	fmt.Println("error:", err)
	// Output:
	// endpoints: 1
	// endpoints: 2
	// error: registry is down
}

// Invalid and duplicate entries are dropped with the reason, and the others stay.
func ExampleAnswerBuilder() {
	var b discovery.AnswerBuilder
	b.Add("web-1", discovery.Endpoint{Address: "10.0.0.1:80", Weight: 1})
	b.Decode("web-2", []byte(`{"address": "10.0.0.2:80", "weight": 3}`))
	b.Decode("web-3", []byte("10.0.0.1:80"))
	b.Decode("web-4", []byte(`{"address": "10.0.0.4"}`))
	b.Drop("web-5", errors.New("status: is critical; expected passing"))

	answer := b.Answer()
	for _, e := range answer.Endpoints {
		fmt.Println(e.Address, "has weight", e.Weight)
	}
	for _, d := range answer.Dropped {
		fmt.Printf("%s: %v\n", d.Key, d.Err)
	}
	// Output:
	// 10.0.0.1:80 has weight 1
	// 10.0.0.2:80 has weight 3
	// web-3: address: 10.0.0.1:80 is already that of web-1
	// web-4: address: "10.0.0.4" has no port; expected a host and port such as 10.0.0.7:8080
	// web-5: status: is critical; expected passing
}

// A list in the format of the source `file`, which another source may read from anywhere.
func ExampleDecodeList() {
	list, err := discovery.DecodeList("web.yaml", []byte("- 10.0.0.1:80\n- {address: 10.0.0.2:80, weight: 3}\n"), discovery.DefaultMaxEndpoints)
	fmt.Println(len(list), err)

	_, err = discovery.DecodeList("web.yaml", []byte("- 10.0.0.1:80\n- 10.0.0.2\n"), discovery.DefaultMaxEndpoints)
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// web.yaml:2: entry 2 (10.0.0.2): address: "10.0.0.2" has no port; expected a host and port such as 10.0.0.7:8080
}
