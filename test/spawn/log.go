// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package spawn

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

// Log is what one run of a program wrote: a file, from an offset on, since
// the runs of a program are appended to the same file.
type Log struct {
	Path string
	From int64
}

// OpenLog opens the log of a program for a new run of it.
func OpenLog(path string) (Log, *os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Log{}, nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return Log{}, nil, err
	}
	from, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return Log{}, nil, errors.Join(err, file.Close())
	}
	return Log{Path: path, From: from}, file, nil
}

// Contains tells whether this run wrote the given text.
func (l Log) Contains(text string) bool {
	written, err := l.read()
	return err == nil && bytes.Contains(written, []byte(text))
}

// Tail returns the last lines of this run, ready to be shown to a person. Where
// the program panicked it begins there: the last lines would be those of a stack.
func (l Log) Tail(lines int) string {
	written, err := l.read()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("its log %s does not exist", l.Path)
	}
	if err != nil {
		return fmt.Sprintf("its log %s cannot be read: %v", l.Path, err)
	}
	all := bytes.Split(bytes.TrimRight(written, "\n"), []byte("\n"))
	from := max(0, len(all)-lines)
	if panicked := slices.IndexFunc(all, isPanic); panicked >= 0 {
		from = min(from, panicked)
	}
	shown := all[from:min(len(all), from+lines)]
	return fmt.Sprintf("from the end of its log %s:\n  | %s", l.Path, bytes.Join(shown, []byte("\n  | ")))
}

func isPanic(line []byte) bool {
	return bytes.HasPrefix(line, []byte("panic:")) || bytes.HasPrefix(line, []byte("fatal error:"))
}

func (l Log) read() ([]byte, error) {
	file, err := os.Open(l.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(l.From, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}
