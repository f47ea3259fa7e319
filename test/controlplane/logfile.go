// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// logFile is what one run of a program wrote: a file, from an offset on, since
// the runs of a program are appended to the same file.
type logFile struct {
	path string
	from int64
}

// openLog opens the log of a program for a new run of it.
func openLog(path string) (logFile, *os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return logFile{}, nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return logFile{}, nil, err
	}
	from, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return logFile{}, nil, errors.Join(err, file.Close())
	}
	return logFile{path: path, from: from}, file, nil
}

// contains tells whether this run wrote the given text.
func (l logFile) contains(text string) bool {
	written, err := l.read()
	return err == nil && bytes.Contains(written, []byte(text))
}

// tail returns the last lines of this run, ready to be shown to a person. Where
// the program panicked it begins there: the last lines would be those of a stack.
func (l logFile) tail(lines int) string {
	written, err := l.read()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("its log %s does not exist", l.path)
	}
	if err != nil {
		return fmt.Sprintf("its log %s cannot be read: %v", l.path, err)
	}
	all := bytes.Split(bytes.TrimRight(written, "\n"), []byte("\n"))
	from := max(0, len(all)-lines)
	if panicked := slices.IndexFunc(all, isPanic); panicked >= 0 {
		from = min(from, panicked)
	}
	shown := all[from:min(len(all), from+lines)]
	return fmt.Sprintf("from the end of its log %s:\n  | %s", l.path, bytes.Join(shown, []byte("\n  | ")))
}

func isPanic(line []byte) bool {
	return bytes.HasPrefix(line, []byte("panic:")) || bytes.HasPrefix(line, []byte("fatal error:"))
}

func (l logFile) read() ([]byte, error) {
	file, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(l.from, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}
