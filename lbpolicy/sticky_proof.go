package lbpolicy

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"time"
)

// proofKey makes what proves that the proxy has set the times of a session: a part of the SHA-256
// of the key and a text. Without the rest of the hash, a client cannot extend the text. An HMAC
// would take twice as long, for each request that has a session.
type proofKey [sha256.Size]byte

// longestProven is the maximum length of what is proven: two tokens, two times and three dots.
const longestProven = 2*tokenLength + 2*13 + 3

func newProofKey(key []byte) (k proofKey) {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("sticky times"))
	mac.Sum(k[:0])
	return k
}

// prove returns the proof of a text of the longest length or less.
func (k *proofKey) prove(text string) (proof [tokenLength]byte) {
	var message [sha256.Size + longestProven]byte
	n := copy(message[:], k[:])
	n += copy(message[n:], text)
	hash := sha256.Sum256(message[:n])
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
