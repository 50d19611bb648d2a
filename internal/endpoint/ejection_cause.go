package endpoint

// EjectionCause is the rule by which an endpoint was ejected.
type EjectionCause uint8

// The causes of ejections.
const (
	ConsecutiveFailures EjectionCause = iota
	ConsecutiveGatewayFailures
	FailurePercentage
	SuccessRate
	SlowAnswers
	FailedTrial

	EjectionCauseCount = iota
)

// String returns the cause in metrics, which is the name of the rule's option.
func (c EjectionCause) String() string {
	return [...]string{
		"consecutive_failures", "consecutive_gateway_failures", "failure_percentage", "success_rate", "latency",
		"trial",
	}[c]
}
