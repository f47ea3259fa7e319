// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

const (
	// hourOn and hourBack have the clock of a server jump.
	hourOn, hourBack = syscall.SIGUSR1, syscall.SIGUSR2

	// jumpingClock is a package of that server alone. Times that it tells have no monotonic part:
	// whoever goes by one sees each jump, as whoever reads a status does.
	jumpingClock = `package jumping

import (
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"k8s.io/utils/clock"
)

var jumped atomic.Int64

type Clock struct{ clock.RealClock }

func (Clock) Now() time.Time { return time.Now().Round(0).Add(time.Duration(jumped.Load())) }

func (c Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

func init() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for by := range signals {
			hour := time.Hour
			if by == syscall.SIGUSR2 {
				hour = -hour
			}
			jumped.Add(int64(hour))
			fmt.Fprintln(os.Stderr, "` + hasJumped + `", hour)
		}
	}()
}
`
	hasJumped = "The clock has jumped by"
)

// TestClockThatJumpsByAnHourAmidARolloutChangesNothingByItself: on, it is too late for what
// is waited for; back, all times lie ahead. Either way nothing is written that would not be
// otherwise, each zone is updated once, one at a time, and the rollout comes to its end.
func TestClockThatJumpsByAnHourAmidARolloutChangesNothingByItself(t *testing.T) {
	t.Parallel()
	program := buildJumping(t)
	for name, jumps := range map[string][2]syscall.Signal{
		"on-and-back": {hourOn, hourBack},
		"back-and-on": {hourBack, hourOn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startProgram(t, program, name, "", "--etcd-prefix=/"+name)
			r := newRoomWith(t, server)
			r.stick("zone-a", "zone-b")
			r.begin()
			for i, zone := range []string{"zone-a", "zone-b"} {
				r.untilStuck(zone)
				before := r.estate()
				jump(t, server, jumps[i])
				// Nobody looks at a clock before something happens, or a wait is over.
				_, err := r.own.Patch(t.Context(), "demo", types.MergePatchType, []byte(`{"metadata":{"labels":{"touched":"`+zone+`"}}}`), metav1.PatchOptions{})
				must(t, err)
				if jumps[i] == hourOn {
					r.untilZone(zone, "Failed", "ReadyTimeout", "")
				}
				r.expectEstate(before)
				r.free(zone)
			}
			r.expectConcluded()
		})
	}
}

// jump returns when it has happened.
func jump(t *testing.T, server *controlplane.Server, by syscall.Signal) {
	t.Helper()
	before := said(t, hasJumped, server)
	must(t, syscall.Kill(server.PID(), by))
	untilSaid(t, hasJumped, before, server)
}

// buildJumping builds the server with another clock for the controller, the guard of the
// store and the metrics: one that jumps by signals. The sources differ in memory alone. The
// Lease and certificates go by the clock of the machine.
func buildJumping(t *testing.T) (program string) {
	t.Helper()
	root, err := controlplane.FindRoot()
	must(t, err)
	folder := t.TempDir()
	replaced := map[string]string{}
	replace := func(path, content string) {
		written := filepath.Join(folder, fmt.Sprintf("%d.go", len(replaced)))
		must(t, os.WriteFile(written, []byte(content), 0o600))
		replaced[filepath.Join(root, path)] = written
	}
	replace("pkg/jumping/clock.go", jumpingClock)
	for _, path := range []string{"pkg/controller/controller.go", "pkg/cmd/server/identity.go", "pkg/cmd/server/run.go"} {
		source, err := os.ReadFile(filepath.Join(root, path))
		must(t, err)
		const real, begin = "clock.RealClock{}", "\nimport (\n"
		if !strings.Contains(string(source), real) {
			t.Fatalf("%s has no %s any more: say here where the clock is", path, real)
		}
		text := strings.ReplaceAll(string(source), real, "jumping.Clock{}")
		text = strings.Replace(text, begin, begin+"\t\"github.com/vmdistributed/vmdistributed-apiserver/pkg/jumping\"\n", 1)
		if !strings.Contains(text, " clock.") {
			text = strings.Replace(text, "\t\"k8s.io/utils/clock\"\n", "", 1)
		}
		replace(path, text)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	must(t, err)
	list := filepath.Join(folder, "overlay.json")
	must(t, os.WriteFile(list, overlay, 0o600))
	program = filepath.Join(folder, "vmdistributed-apiserver")
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", list, "-o", program, "./cmd/vmdistributed-apiserver")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the server whose clock jumps: %v: %s", err, out)
	}
	return program
}
