package limit

import "strings"

// Class is the priority of a request that has to wait. A lower class waits until no higher one
// does, and makes room for it in a full queue.
type Class uint8

// The classes, from the highest to the lowest.
const (
	Critical Class = iota
	Normal
	Sheddable

	ClassCount = iota
)

// String returns the class in configs, metrics and the admin API.
func (c Class) String() string { return [...]string{"critical", "normal", "sheddable"}[c] }

// ClassOf returns the class with a name, whatever its case. Any other text is that of Normal.
func ClassOf(name string) Class {
	for c := range Class(ClassCount) {
		if strings.EqualFold(name, c.String()) {
			return c
		}
	}
	return Normal
}
