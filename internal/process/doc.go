// Package process runs programs as processes of their own: proxies and backends that are measured,
// killed and started again. Each has a folder for what it writes, and a log.
package process
