package nacos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// maxLogin is the maximum size of the answer to a login in bytes. A token has a few hundred.
const maxLogin = 64 << 10

// login returns the token for requests, or "" if there is no user. The token is not renewed: only
// the subscription needs it, and each connection subscribes once.
func (s *Source) login(ctx context.Context, at server) (string, error) {
	if s.Username == "" {
		return "", nil
	}
	scheme := "http"
	if s.TLS != nil {
		scheme = "https"
	}
	form := url.Values{"username": {s.Username}, "password": {s.Password}}.Encode()
	url := scheme + "://" + at.http + s.ContextPath + "/v1/auth/users/login"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(form))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	transport := &http.Transport{
		TLSClientConfig: s.tls.Clone(), DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment,
	}
	client := &http.Client{
		Transport: transport,
		// The password must not reach another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	return s.token(answer)
}

// token reads the token from the answer to a login.
func (s *Source) token(answer *http.Response) (string, error) {
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxLogin))
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		// The answer may repeat the password, so that it is cut after it was cleaned.
		text := discovery.WithoutSecrets(errors.New(string(body)), s.Password).Error()
		return "", fmt.Errorf("the server answered %d: %.200q", answer.StatusCode, text)
	}
	var login struct {
		AccessToken string `json:"accessToken"`
	}
	if err := json.Unmarshal(body, &login); err != nil {
		return "", err
	}
	if login.AccessToken == "" {
		return "", errors.New("the answer has no accessToken")
	}
	return login.AccessToken, nil
}
