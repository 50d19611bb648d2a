package listing

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v4"
)

// manyInfos returns endpoints with the fields that a registry fills.
func manyInfos(n int) []Info {
	infos := make([]Info, n)
	for i := range infos {
		infos[i] = Info{
			Address: fmt.Sprintf("10.%d.%d.%d:8080", i>>16, i>>8&255, i&255), Weight: 1 + i%10,
			ID: fmt.Sprintf("web-%d", i), Zone: "eu-1a", MaxRequests: 200, Metadata: map[string]string{"version": "v2"},
		}
	}
	return infos
}

// BenchmarkLoad10000 reads a file of 10,000 endpoints, as the source file does after a change.
func BenchmarkLoad10000(b *testing.B) {
	asJSON, err := json.MarshalIndent(manyInfos(10_000), "", "  ")
	if err != nil {
		b.Fatal(err)
	}
	var entries []map[string]any
	if err := json.Unmarshal(asJSON, &entries); err != nil {
		b.Fatal(err)
	}
	asYAML, err := yaml.Marshal(entries)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("format=json", func(b *testing.B) { benchmarkLoad(b, "web.json", asJSON) })
	b.Run("format=yaml", func(b *testing.B) { benchmarkLoad(b, "web.yaml", asYAML) })
}

func benchmarkLoad(b *testing.B, name string, data []byte) {
	path := filepath.Join(b.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := DecodeList(name, data, someLimit); err != nil {
			b.Fatal(err)
		}
	}
}
