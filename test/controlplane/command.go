// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// command says how to run a program.
type command struct {
	name    string
	program string // path of the binary
	args    []string
	env     []string
	dir     string
	// inputs are the files that the program reads once, at start.
	inputs []string
}

// fingerprint changes when the program would run differently if it were started
// now: other arguments or environment, another binary, other contents of a file
// that it reads at start.
func (c command) fingerprint() (string, error) {
	binary, err := binaryVersion(c.program)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if err := json.NewEncoder(h).Encode([]any{c.program, binary, c.args, c.env, c.dir}); err != nil {
		return "", err
	}
	for _, path := range c.inputs {
		if err := hashFile(h, path); err != nil {
			return "", fmt.Errorf("reading what %s is started with: %w", c.name, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// binaryVersion changes when a program is another one. It is the build ID of a Go
// program, which stands for all of it: reading 100 MB for each "up" costs more than
// it is worth. Of others, it is size and time; go build changes the time of a file
// that it has no need to make anew.
func binaryVersion(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	version := fmt.Sprintf("%d bytes of %d", info.Size(), info.ModTime().UnixNano())
	file, err := elf.Open(path)
	if err != nil {
		return version, nil // Not a binary, but runs: a script.
	}
	defer func() { _ = file.Close() }()
	if note := file.Section(".note.go.buildid"); note != nil {
		id, err := note.Data()
		return hex.EncodeToString(id), err
	}
	return version, nil
}

func hashFile(w io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}

// checkProgram fails, with what to do, when a program was not built yet.
func checkProgram(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
		return nil
	}
	name := filepath.Base(path)
	target := "tools"
	switch name {
	case serverProgram:
		target = "build"
	case standinProgram, dataplaneProgram, respondersProgram:
		target = "standin"
	}
	return fmt.Errorf("%s is not built (looked for %s): run make %s", name, path, target)
}
