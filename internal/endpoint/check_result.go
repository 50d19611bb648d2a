package endpoint

// CheckResult is the result of one check of an endpoint's health.
type CheckResult uint8

// The results of checks.
const (
	CheckPassed CheckResult = iota
	CheckFailed
	CheckTimedOut
	CheckInconclusive // it neither passed nor failed

	CheckResultCount = iota
)

// String returns the result in metrics.
func (r CheckResult) String() string {
	return [...]string{"passed", "failed", "timed_out", "inconclusive"}[r]
}
