package lbpolicy

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"time"
)

// proofKey makes what proves that the proxy has set the times of a session: an HMAC (RFC 2104). It
// has the two blocks that begin its hashes, because crypto/hmac allocates for each of them.
type proofKey struct {
	inner, outer [sha256.BlockSize]byte
}

// longestProven is the maximum length of what is proven: two tokens, two times and three dots.
const longestProven = 2*tokenLength + 2*13 + 3

func newProofKey(key []byte) (k proofKey) {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("sticky times"))
	own := mac.Sum(nil)
	copy(k.inner[:], own)
	copy(k.outer[:], own)
	for i := range k.inner {
		k.inner[i] ^= 0x36
		k.outer[i] ^= 0x5c
	}
	return k
}

// prove returns the proof of a text of the longest length or less.
func (k *proofKey) prove(text string) (proof [tokenLength]byte) {
	var message [sha256.BlockSize + longestProven]byte
	n := copy(message[:], k.inner[:])
	n += copy(message[n:], text)
	hash := sha256.Sum256(message[:n])
	n = copy(message[:], k.outer[:])
	n += copy(message[n:], hash[:])
	hash = sha256.Sum256(message[:n])
	base64.RawURLEncoding.Encode(proof[:], hash[:tokenBytes])
	return proof
}

// proofKeys returns the keys of proofs, nil as long as the keys are not known.
func (p *Sticky) proofKeys(r *http.Request) []proofKey {
	if known := p.proofs.Load(); known != nil {
		return *known
	}
	keys := p.keysFor(r)
	if keys == nil {
		return nil
	}
	proofs := make([]proofKey, len(keys))
	for i, key := range keys {
		proofs[i] = newProofKey(key)
	}
	p.proofs.Store(&proofs)
	return proofs
}

// valueOf returns the value of the cookie for a session.
func (c *StickyCookie) valueOf(r *http.Request, s session) string {
	value := s.String()
	if s.seen == 0 {
		return value
	}
	keys := c.proofKeys(r)
	if len(keys) == 0 {
		return value
	}
	proof := keys[0].prove(value)
	return value + "." + string(proof[:])
}

// started is when the process started, as a Unix time.
var started = time.Now().Unix()

// isProven reports whether the proxy has set the times in the value of a cookie. Earlier versions
// added no proof, so one without it may be from before the process started. As such it ends with
// the idle time.
func (c *StickyCookie) isProven(r *http.Request, value string, s session, proof string) bool {
	if proof == "" {
		return s.seen <= started
	}
	text := value[:len(value)-len(proof)-1]
	if len(text) > longestProven {
		return false
	}
	keys := c.proofKeys(r)
	for i := range keys {
		want := keys[i].prove(text)
		if subtle.ConstantTimeCompare(want[:], []byte(proof)) == 1 {
			return true
		}
	}
	return false
}
