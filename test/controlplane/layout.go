// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"os"
	"path/filepath"
)

// loopback is the only address that anything here listens on.
const loopback = "127.0.0.1"

// layout knows where the files of one control plane are.
type layout struct {
	root string // of the repository
	bin  string // of the programs
	dir  string // of everything that is written
}

func (l layout) program(name string) string { return filepath.Join(l.bin, name) }
func (l layout) log(name string) string     { return filepath.Join(l.dir, "log", name+".log") }
func (l layout) run(name string) string     { return filepath.Join(l.dir, "run", name) }
func (l layout) tools(module string) string { return filepath.Join(l.root, "hack", "tools", module) }
func (l layout) adminKubeconfig() string    { return filepath.Join(l.dir, "kubeconfig") }

func (l layout) data(elements ...string) string {
	return filepath.Join(append([]string{l.dir, "data"}, elements...)...)
}

// prepare makes the directories that all programs share. Where there is no data
// this is a new beginning, and logs of an earlier life would only mislead.
func (l layout) prepare() error {
	if _, err := os.Stat(l.data()); os.IsNotExist(err) {
		for _, name := range ourLogs() {
			if err := os.RemoveAll(l.log(name)); err != nil {
				return err
			}
		}
	}
	for _, dir := range []string{l.data("home"), l.data("tmp"), filepath.Dir(l.log("")), l.run("")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// ourLogs names the logs that are ours in a directory that may hold others.
func ourLogs() []string {
	return []string{
		etcdProgram, apiServerProgram, controllerManagerProgram, schedulerProgram, kwokProgram,
		OperatorProgram, standinProgram, dataplaneProgram, respondersProgram, serverProgram, auditLog,
	}
}

// wipe removes all state, and nothing that is not ours: Dir may hold other
// things, such as the programs. Logs are left for who wants to know.
func (l layout) wipe() error {
	for _, path := range []string{l.data(), l.run(""), l.adminKubeconfig()} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// environment is what programs see: nothing of the caller's, since a stray
// KUBECONFIG, HTTPS_PROXY or WATCH_NAMESPACE would change what they do, and places
// for their scratch files that are ours.
func (l layout) environment(extra ...string) []string {
	return append([]string{
		"PATH=/usr/bin:/bin",
		"HOME=" + l.data("home"),
		"TMPDIR=" + l.data("tmp"),
	}, extra...)
}
