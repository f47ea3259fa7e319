// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// pki is the directory of certificates and keys of one control plane. What is
// there already is used again, so that running programs stay trusted.
type pki struct {
	dir string
	// cluster signs what users and programs authenticate with, and the serving
	// certificates of the Kubernetes programs.
	cluster *authority
	// front signs the certificate by which the aggregator proves itself.
	front *authority
	// etcd signs everything about etcd: who may read the store is king.
	etcd *authority
	// aggregated signs the serving certificates of aggregated servers.
	aggregated *authority
}

func openPKI(dir string) (*pki, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	p := &pki{dir: dir}
	for name, target := range map[string]**authority{
		"ca":            &p.cluster,
		"front-ca":      &p.front,
		"etcd-ca":       &p.etcd,
		"aggregated-ca": &p.aggregated,
	} {
		authority, err := p.openAuthority(name)
		if err != nil {
			return nil, fmt.Errorf("certificate authority %s in %s: %w", name, dir, err)
		}
		*target = authority
	}
	return p, p.ensureServiceAccountKey()
}

func (p *pki) openAuthority(name string) (*authority, error) {
	existing, err := p.read(name)
	if err == nil {
		return loadAuthority(existing)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	made, err := newAuthority(name)
	if err != nil {
		return nil, err
	}
	return made, p.write(name, made.pair)
}

// ensureServiceAccountKey makes the key that signs the tokens of service accounts.
func (p *pki) ensureServiceAccountKey() error {
	if _, err := os.Stat(p.serviceAccountPublic()); err == nil {
		return nil
	}
	signer, key, err := newKey()
	if err != nil {
		return err
	}
	public, err := publicKey(signer)
	if err != nil {
		return err
	}
	if err := writeFile(p.serviceAccountKey(), key); err != nil {
		return err
	}
	return writeFile(p.serviceAccountPublic(), public)
}

// client makes sure that name.crt and name.key authenticate the user.
func (p *pki) client(a *authority, name, user string, groups ...string) (pair, error) {
	return p.ensure(a, name, func() (pair, error) { return a.client(user, groups...) })
}

// server makes sure that name.crt and name.key serve the hosts.
func (p *pki) server(a *authority, name string, hosts ...string) (pair, error) {
	return p.ensure(a, name, func() (pair, error) { return a.server(name, hosts...) })
}

func (p *pki) ensure(a *authority, name string, issue func() (pair, error)) (pair, error) {
	if existing, err := p.read(name); err == nil && a.issued(existing.cert) {
		return existing, nil
	}
	made, err := issue()
	if err != nil {
		return pair{}, err
	}
	return made, p.write(name, made)
}

func (p *pki) read(name string) (pair, error) {
	cert, err := os.ReadFile(p.cert(name))
	if err != nil {
		return pair{}, err
	}
	key, err := os.ReadFile(p.key(name))
	return pair{cert: cert, key: key}, err
}

func (p *pki) write(name string, made pair) error {
	if err := writeFile(p.key(name), made.key); err != nil {
		return err
	}
	return writeFile(p.cert(name), made.cert)
}

func (p *pki) cert(name string) string { return filepath.Join(p.dir, name+".crt") }
func (p *pki) key(name string) string  { return filepath.Join(p.dir, name+".key") }

func (p *pki) serviceAccountKey() string    { return filepath.Join(p.dir, "service-account.key") }
func (p *pki) serviceAccountPublic() string { return filepath.Join(p.dir, "service-account.pub") }
