package simulation

import _ "github.com/caddy-balance/caddy-balance" // the policies under test
