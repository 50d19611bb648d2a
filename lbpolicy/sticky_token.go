package lbpolicy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// keyring is the keys that tokens are made with. The first one makes new tokens; tokens of the
// others stay valid, so that a key can be replaced without losing a session.
type keyring [][]byte

// unkeyed is the keyring of sessions that clients do not carry. The token of an endpoint is its ID.
var unkeyed = keyring{}

const (
	tokenBytes  = 12 // a guess is right once in 2^96 times
	tokenLength = tokenBytes * 8 / 6
)

// token returns what stands for an endpoint in the hands of clients. It tells nothing of the
// endpoint, and is the same on every proxy with the same key.
func token(key []byte, id string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("sticky endpoint\x00" + id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:tokenBytes])
}

// isToken reports whether a text has the form of a token.
func isToken(text string) bool {
	if len(text) != tokenLength {
		return false
	}
	for _, c := range []byte(text) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
