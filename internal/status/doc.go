// Package status serves the part of Caddy's admin API that shows pools and changes them.
package status
