package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/uptrace/bun"
)

// KeyFileName holds the key that seals secrets, within the data folder, mode 0600.
const KeyFileName = "secrets.key"

const (
	keySize    = 32    // AES-256
	sealPrefix = "v1:" // the way of sealing, so that another can follow
	sealCheck  = "seal_check"
)

// sealer seals small secrets with AES-256-GCM. Table and row are authenticated too, so that a
// sealed value copied to another row does not open there.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (*sealer, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("the key has %d bytes, not %d", len(key), keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead}, nil
}

func sealPlace(table string, id int64) []byte { return []byte(table + ":" + strconv.FormatInt(id, 10)) }

func (s *sealer) seal(table string, id int64, secret []byte) string {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(secret)+s.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	return sealPrefix + base64.StdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, secret, sealPlace(table, id)))
}

var errSealed = errors.New("the secret does not open with this key")

func (s *sealer) open(table string, id int64, sealed string) ([]byte, error) {
	text, ok := strings.CutPrefix(sealed, sealPrefix)
	raw, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) < s.aead.NonceSize() {
		return nil, errSealed
	}
	n := s.aead.NonceSize()
	secret, err := s.aead.Open(nil, raw[:n], raw[n:], sealPlace(table, id))
	if err != nil {
		return nil, errSealed
	}
	return secret, nil
}

// openSealer finds the key and proves that it is the one with which this database was sealed.
func openSealer(ctx context.Context, o Options, db *bun.DB) (*sealer, error) {
	check, fresh, err := storedCheck(ctx, db)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(o.Dir, KeyFileName)
	key, where := o.Key, "the given key"
	if key == nil {
		where = file
		if key, err = keyFile(file, fresh); err != nil {
			return nil, err
		}
	}
	s, err := newSealer(key)
	if err != nil {
		return nil, &Broken{Message: where + ": " + err.Error(), Err: err}
	}
	if fresh {
		_, err = db.NewRaw("INSERT INTO meta (name, value) VALUES (?, ?)", sealCheck, s.seal("meta", 0, []byte(sealCheck))).Exec(ctx)
		return s, err
	}
	if _, err := s.open("meta", 0, check); err != nil {
		return nil, &Broken{Message: where + " is not the key that sealed the passwords in this database: put the right one back", Err: err}
	}
	return s, nil
}

// storedCheck gives a text that was sealed when the database was made; fresh: nothing was yet.
func storedCheck(ctx context.Context, db *bun.DB) (check string, fresh bool, err error) {
	err = db.NewSelect().TableExpr("meta").Column("value").Where("name = ?", sealCheck).Scan(ctx, &check)
	if isNoRows(err) {
		return "", true, nil
	}
	return check, false, err
}

// keyFile reads the key, or makes one for a database that has sealed nothing yet.
func keyFile(file string, fresh bool) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		key, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil || len(key) != keySize {
			return nil, &Broken{Message: fmt.Sprintf("%s does not hold %d hex digits: put the right one back", file, 2*keySize), Err: err}
		}
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, explainFile(file, err)
	}
	if !fresh {
		return nil, &Broken{Message: file + " is missing, and the passwords in the database are sealed with it: put it back from a backup", Err: err}
	}
	key := make([]byte, keySize)
	_, _ = rand.Read(key)
	if err := writeSynced(file, []byte(hex.EncodeToString(key)+"\n")); err != nil {
		return nil, explainFile(file, err)
	}
	return key, nil
}

// writeSynced has the key on the disk before anything is sealed with it.
func writeSynced(file string, data []byte) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
