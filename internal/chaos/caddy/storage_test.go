package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestStorageFailsAsToldAndWorksAgain(t *testing.T) {
	s := &faultyStorage{Root: filepath.Join(t.TempDir(), "storage")}
	if _, err := s.CertMagicStorage(); err != nil {
		t.Fatal(err)
	}
	fault := func(text string) {
		t.Helper()
		if err := os.WriteFile(s.Root+".fault", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store := func() error { return s.Store(t.Context(), "key", []byte("value")) }
	if err := store(); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]error{"full": syscall.ENOSPC, "read-only": syscall.EROFS} {
		fault(text)
		if err := store(); !errors.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
		if value, err := s.Load(t.Context(), "key"); err != nil || string(value) != "value" {
			t.Errorf("%s: read %q, %v", text, value, err)
		}
	}
	fault("hangs")
	stored := make(chan error)
	go func() { stored <- store() }()
	select {
	case err := <-stored:
		t.Errorf("a storage that hangs answers %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := os.Remove(s.Root + ".fault"); err != nil {
		t.Fatal(err)
	}
	var err error
	caddytest.Eventually(t, time.Minute, "the write has ended", func() bool {
		select {
		case err = <-stored:
			return true
		default:
			return false
		}
	})
	if err != nil {
		t.Error(err)
	}
}
