package endpoint

// Admission is what the limits of a pool would make of a request now.
type Admission struct {
	// Result says whether the pool lets the request in.
	Result AdmissionResult `json:"result"`

	// Class is the priority of the request in the queue; empty if all requests are alike.
	Class string `json:"class,omitempty"`

	// Reason says why.
	Reason string `json:"reason"`
}

// AdmissionResult is what becomes of a request at the limits of a pool.
type AdmissionResult string

// The results of admissions.
const (
	AdmissionEnters  AdmissionResult = "enters"  // the request goes to an endpoint at once
	AdmissionWaits   AdmissionResult = "waits"   // the request waits in the queue
	AdmissionRefused AdmissionResult = "refused" // the request gets the status 503 at once
)
