package main

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/caddyfile"
)

func init() { caddy.RegisterModule(new(faultyStorage)) }

// faultyStorage keeps files in a folder and fails on demand:
//
//	storage faulty <folder>
//
// How it fails is the text of the file <folder>.fault: "full", "read-only" or "hangs". A missing
// file is no fault.
type faultyStorage struct {
	Root string `json:"root"`
	certmagic.FileStorage
}

// CaddyModule returns the Caddy module information.
func (*faultyStorage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "caddy.storage.faulty",
		New: func() caddy.Module { return new(faultyStorage) },
	}
}

// UnmarshalCaddyfile reads the folder.
func (s *faultyStorage) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.String("folder", &s.Root))
}

// CertMagicStorage implements caddy.StorageConverter.
func (s *faultyStorage) CertMagicStorage() (certmagic.Storage, error) {
	s.Path = s.Root
	return s, nil
}

// fail returns the error of a write now, nil if there is none. While the storage hangs it does not
// return, whatever becomes of the caller: that is what a network file system does whose server is
// gone.
func (s *faultyStorage) fail() error {
	for {
		fault, _ := os.ReadFile(s.Root + ".fault")
		switch string(fault) {
		case "full":
			return syscall.ENOSPC
		case "read-only":
			return syscall.EROFS
		case "hangs":
			time.Sleep(50 * time.Millisecond)
		default:
			return nil
		}
	}
}

// Store implements certmagic.Storage.
func (s *faultyStorage) Store(ctx context.Context, key string, value []byte) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.FileStorage.Store(ctx, key, value)
}

// Delete implements certmagic.Storage.
func (s *faultyStorage) Delete(ctx context.Context, key string) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.FileStorage.Delete(ctx, key)
}

// Lock implements certmagic.Locker.
func (s *faultyStorage) Lock(ctx context.Context, name string) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.FileStorage.Lock(ctx, name)
}

// Load implements certmagic.Storage. Reading fails only by hanging, and so do the methods below.
func (s *faultyStorage) Load(ctx context.Context, key string) ([]byte, error) {
	_ = s.fail()
	return s.FileStorage.Load(ctx, key)
}

// Exists implements certmagic.Storage.
func (s *faultyStorage) Exists(ctx context.Context, key string) bool {
	_ = s.fail()
	return s.FileStorage.Exists(ctx, key)
}

// List implements certmagic.Storage.
func (s *faultyStorage) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	_ = s.fail()
	return s.FileStorage.List(ctx, path, recursive)
}

// Stat implements certmagic.Storage.
func (s *faultyStorage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	_ = s.fail()
	return s.FileStorage.Stat(ctx, key)
}

// Interface guards
var (
	_ caddy.StorageConverter = (*faultyStorage)(nil)
	_ caddyfile.Unmarshaler  = (*faultyStorage)(nil)
	_ certmagic.Storage      = (*faultyStorage)(nil)
)
