package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// object is a JSON object.
type object = map[string]any

// send sends an object as JSON to the API of a registry. Any status outside of 2xx is an error.
func send(client *http.Client, method, url string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	contentType := "application/json"
	if method == http.MethodPatch {
		contentType = "application/apply-patch+yaml" // JSON is a subset of it
	}
	request.Header.Set("Content-Type", contentType)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	output, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", method, url, response.Status, output)
	}
	return err
}
