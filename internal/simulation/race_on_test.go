//go:build race

package simulation

// raceEnabled makes every scenario run with one seed only: the race detector takes ten times as long.
const raceEnabled = true
