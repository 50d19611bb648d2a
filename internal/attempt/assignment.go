package attempt

// Assignment is the group of endpoints that a policy has assigned a request to. It stays the same
// for retries.
type Assignment struct {
	Made  bool
	Group int32
	Slot  uint16 // what the group was chosen by
	Drawn bool   // the slot was drawn for this request, which brought none

	// Served is the name of the group that the latest pick was in.
	Served string
}

// Assignment returns the assignment of the request, nil if the request cannot be tracked.
func (a *RequestAttempts) Assignment() *Assignment {
	if a == nil {
		return nil
	}
	return &a.assignment
}
