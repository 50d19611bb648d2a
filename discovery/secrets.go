package discovery

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// WithoutSecrets returns an error without the secrets in its text, also if they are escaped there.
// A registry may repeat the token or the password that it was sent. The pool does this for the
// fields of a source that have the tag `balance:"secret"`; a source does it for those that it has
// from elsewhere, such as from a login.
func WithoutSecrets(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	clean := text
	for _, secret := range secrets {
		clean = withoutSecret(clean, secret)
	}
	if clean == text {
		return err
	}
	return &cleanError{clean, err}
}

// minSecret is the minimum length of a secret that is looked for. A shorter one is no secret, and
// is part of many words.
const minSecret = 4

func withoutSecret(text, secret string) string {
	if len(secret) < minSecret {
		return text
	}
	inJSON, _ := json.Marshal(secret)
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), string(inJSON[1 : len(inJSON)-1]),
		base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		text = strings.ReplaceAll(text, form, "[secret]")
	}
	for n := len(secret) - 1; n >= minSecret; n-- { // the text may be cut off
		if rest, cut := strings.CutSuffix(text, secret[:n]); cut {
			return rest + "[secret]"
		}
	}
	return text
}

// cleanError is an error with another text.
type cleanError struct {
	text string
	err  error
}

// Error implements error.
func (e *cleanError) Error() string { return e.text }

// Unwrap returns the error with its own text, for errors.Is and errors.As.
func (e *cleanError) Unwrap() error { return e.err }
