//go:build !linux

package layer4

import (
	"net"
	"time"
)

// idleFor returns false: this system does not tell.
func idleFor(*net.TCPConn) (idle time.Duration, ok bool) { return 0, false }
