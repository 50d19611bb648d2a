package main

// scenario is something that happens to a proxy under load. Its first backends, lists and settings
// are made by prepare; during runs while requests are sent.
type scenario struct {
	name    string
	about   string // what happens in it, for the reader of the table
	prepare func(*trial) error
	during  func(*trial) error
}

// scenarios are in the order of the table.
var scenarios = []*scenario{
	&rollingDeploy, &kills, &hang, &halfHeader, &cutBody, &overload,
	&reloads, &sigterm, &manySites, &sockets,
	&listServer, &heartbeats, &churn,
	&fullStorage, &readOnlyStorage, &hangingStorage,
}

// fleetSize is the number of backends in most scenarios.
const fleetSize = 6

func startSix(t *trial) error { return t.startFleet(fleetSize) }
