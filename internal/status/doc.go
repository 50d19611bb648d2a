// Package status shows pools to the outside, and lets the outside change them.
package status
