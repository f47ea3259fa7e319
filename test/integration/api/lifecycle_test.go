// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestSamplesLiveUnderKubectl takes each sample through the commands that users
// have, from nothing to nothing.
func TestSamplesLiveUnderKubectl(t *testing.T) {
	t.Parallel()
	for _, sample := range samples(t) {
		for _, mode := range []struct {
			name  string
			flags []string
		}{{"client-side", nil}, {"server-side", []string{"--server-side"}}} {
			t.Run(filepath.Base(sample.path)+" "+mode.name, func(t *testing.T) {
				t.Parallel()
				l := life{sample: sample, namespace: newNamespace(t), flags: mode.flags}
				l.dryRun(t)
				l.apply(t)
				l.read(t)
				l.edit(t)
				l.replace(t)
				l.delete(t)
				l.create(t)
			})
		}
	}
}

// life is one sample in one namespace.
type life struct {
	sample
	namespace string
	flags     []string // of apply and diff
}

func (l life) kubectl(t *testing.T, args ...string) outcome {
	t.Helper()
	return kubectl(t, l.namespace, args...)
}

// with appends the flags of apply.
func (l life) with(args ...string) []string { return append(args, l.flags...) }

func (l life) dryRun(t *testing.T) {
	t.Helper()
	l.kubectl(t, l.with("apply", "--dry-run=server", "-f", l.path)...)
	l.kubectl(t, "create", "--dry-run=server", "-f", l.path)
	for _, name := range l.objects {
		shared.admin.get(t, in(l.namespace, name)).want(t, http.StatusNotFound)
	}
	if got := tryKubectl(t, l.namespace, l.with("diff", "-f", l.path)...); got.code != 1 || !strings.Contains(got.stdout, "+  name: "+l.objects[0]) {
		t.Errorf("diff before apply ends with status %d, want 1 and the new object: %s%s", got.code, got.stdout, got.stderr)
	}
}

// apply applies the sample until that changes nothing any more.
func (l life) apply(t *testing.T) {
	t.Helper()
	// What a sample names is not there, and apply says so, once.
	for line := range strings.Lines(l.kubectl(t, l.with("apply", "-f", l.path)...).stderr) {
		if !strings.HasPrefix(line, "Warning: spec.") {
			t.Errorf("apply says %s", line)
		}
	}
	if got := l.kubectl(t, l.with("apply", "-f", l.path)...); got.stderr != "" {
		t.Errorf("applied again, it says %s", got.stderr)
	}
	for _, name := range l.objects {
		generation := settled(t, l.namespace, name).GetGeneration()
		// The controller goes on reporting for a while, also between the two reads of a
		// diff.
		eventually(t, "diff after apply tells no difference", func() bool {
			got := tryKubectl(t, l.namespace, l.with("diff", "-f", l.path)...)
			return got.code == 0 && got.stdout == ""
		})
		eventually(t, "apply leaves resourceVersion alone", func() bool {
			before := read(t, l.namespace, name).GetResourceVersion()
			l.kubectl(t, l.with("apply", "-f", l.path)...)
			return read(t, l.namespace, name).GetResourceVersion() == before
		})
		if got := read(t, l.namespace, name).GetGeneration(); got != generation {
			t.Errorf("applying again moved the generation from %d to %d", generation, got)
		}
	}
}

func (l life) read(t *testing.T) {
	t.Helper()
	for _, name := range l.objects {
		if got := l.kubectl(t, "get", "vmdc", name); !strings.Contains(got.stdout, name) {
			t.Errorf("get prints %s", got.stdout)
		}
		l.kubectl(t, "wait", "vmdc", name, "--for=condition=Ready=False", "--timeout=60s")
		l.kubectl(t, "wait", "vmdc", name, "--for=jsonpath={.status.zones[1].name}", "--timeout=60s")
		if got := l.kubectl(t, "describe", "vmdc", name); !strings.Contains(got.stdout, "Vmclusters:") {
			t.Errorf("describe prints %s", got.stdout)
		}
	}
}

// edit pauses each object in an editor.
func (l life) edit(t *testing.T) {
	t.Helper()
	editor := file(t, "editor.sh", "#!/bin/sh\n"+
		// Where paused is false it is not there.
		`sed -e '/^  paused:/d' -e 's/^spec:$/spec:\n  paused: true/' "$1" >"$1.new" && mv "$1.new" "$1"`+"\n")
	must(t, os.Chmod(editor, 0o700))
	for _, name := range l.objects {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := kubectlCommand(ctx, l.namespace, "edit", "vmdc", name)
		cmd.Env = append(cmd.Env, "KUBE_EDITOR="+editor)
		if got := runKubectl(t, cmd); got.code != 0 || !strings.Contains(got.stdout, "edited") {
			t.Fatalf("edit ends with status %d: %s%s", got.code, got.stdout, got.stderr)
		}
		if !typed(t, l.namespace, name).Spec.Paused {
			t.Error("the edited object is not paused")
		}
		l.kubectl(t, "wait", "vmdc", name, "--for=condition=Paused", "--timeout=60s")
	}
}

// replace puts the file in the place of what was edited. The finalizer, which no
// file has, is still there.
func (l life) replace(t *testing.T) {
	t.Helper()
	l.kubectl(t, "replace", "-f", l.path)
	for _, name := range l.objects {
		object := typed(t, l.namespace, name)
		if object.Spec.Paused {
			t.Error("the replaced object is still paused")
		}
		if len(object.Finalizers) != 1 {
			t.Errorf("the replaced object has the finalizers %v", object.Finalizers)
		}
	}
}

// delete returns when the objects are gone, and with them their inline clusters.
func (l life) delete(t *testing.T) {
	t.Helper()
	l.kubectl(t, "delete", "-f", l.path, "--timeout=60s")
	for _, name := range l.objects {
		shared.admin.get(t, in(l.namespace, name)).want(t, http.StatusNotFound)
	}
	if got := l.kubectl(t, "get", "vmclusters", "-o", "name"); got.stdout != "" {
		t.Errorf("left behind: %s", got.stdout)
	}
}

func (l life) create(t *testing.T) {
	t.Helper()
	l.kubectl(t, "create", "-f", l.path)
	if got := tryKubectl(t, l.namespace, "create", "-f", l.path); got.code == 0 || !strings.Contains(got.stderr, "AlreadyExists") {
		t.Errorf("creating again ends with status %d: %s", got.code, got.stderr)
	}
}

// TestGetWatchPrintsChanges reads what kubectl get -w prints while an object
// comes, changes and goes.
func TestGetWatchPrintsChanges(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := kubectlCommand(ctx, namespace, "get", "vmdc", "-w", "--output-watch-events", "-o", "wide")
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	must(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	lines := bufio.NewScanner(stdout)
	until := func(words ...string) {
		t.Helper()
		for lines.Scan() {
			if contains := func(word string) bool { return strings.Contains(lines.Text(), word) }; !slices.ContainsFunc(words, func(word string) bool { return !contains(word) }) {
				return
			}
		}
		t.Fatalf("kubectl get -w ended without a line with %v: %v", words, lines.Err())
	}
	until("EVENT", "NAME", "ZONES", "MESSAGE")
	until("ADDED", "x", "0/2")
	shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"spec":{"zones":{"vmclusters":[`+inlineEntry+`]}}}`).want(t, http.StatusOK)
	until("MODIFIED", "x", "0/1")
	shared.admin.send(t, http.MethodDelete, in(namespace, "x"), "", "").want(t, http.StatusOK)
	until("DELETED", "x")
}

// TestExplainDescribesEveryField looks at what users read, down to the last
// field.
func TestExplainDescribesEveryField(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for _, test := range []struct {
		field string
		want  []string
	}{
		{"vmdc", []string{"KIND:       VMDistributedCluster", "spec", "status", "one zone"}},
		{"vmdc.spec.zones", []string{"vmclusters", "-required-"}},
		{"vmdc.spec.zones.vmclusters", []string{"ref", "overrideSpec", "name", "spec", "JSON merge patch"}},
		{"vmdc.spec.zones.vmclusters.overrideSpec", []string{"FIELD: overrideSpec <VMClusterSpecPatch>", "RFC 7396"}},
		{"vmdc.spec.strategy.updatePause", []string{"Defaults to 1m"}},
		{"vmdc.spec.managementPolicy", []string{"Manage", "Observe", "only reports"}},
		{"vmdc.spec.deletionPolicy", []string{"Delete", "Retain"}},
		{"vmdc.status.zones.phase", []string{"Creating"}},
	} {
		t.Run(test.field, func(t *testing.T) {
			t.Parallel()
			got := kubectl(t, namespace, "explain", test.field).stdout
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is missing in\n%s", want, got)
				}
			}
			// Not all that the operator has below an override is described.
			if !strings.HasSuffix(test.field, "overrideSpec") && strings.Contains(got, "<no description>") {
				t.Errorf("there is a field without a description in\n%s", got)
			}
		})
	}
	if got := kubectl(t, namespace, "explain", "vmdc", "--recursive").stdout; !strings.Contains(got, "overrideSpec") || !strings.Contains(got, "minAvailableZones") {
		t.Errorf("explain --recursive prints\n%s", got)
	}
}

// TestApplySurvivesAChangeByAnotherHand is the three-way merge of kubectl: what
// the file does not say stays, what it no longer says goes.
func TestApplySurvivesAChangeByAnotherHand(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	with := func(more string) string {
		return `{"apiVersion":"` + groupVersion + `","kind":"VMDistributedCluster","metadata":{"name":"x","labels":{` + more +
			`}},"spec":{"paused":true,"zones":[` + inlineEntry + `]}}`
	}
	kubectl(t, namespace, "apply", "-f", file(t, "x.json", with(`"a":"1","b":"2"`)))
	kubectl(t, namespace, "label", "vmdc", "x", "c=3")
	kubectl(t, namespace, "patch", "vmdc", "x", "--type=merge", "-p", `{"spec":{"strategy":{"updatePause":"7s"}}}`)
	kubectl(t, namespace, "apply", "-f", file(t, "x.json", with(`"a":"1"`)))
	object := typed(t, namespace, "x")
	if object.Labels["a"] != "1" || object.Labels["b"] != "" || object.Labels["c"] != "3" || object.Spec.Strategy.UpdatePause != "7s" {
		t.Errorf("labels %v, updatePause %s", object.Labels, object.Spec.Strategy.UpdatePause)
	}
}

// TestDeletingANamespaceTakesItsObjectsAway: the namespace controller has to find
// and delete our kind through the aggregator, and our finalizer has to let go.
func TestDeletingANamespaceTakesItsObjectsAway(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	active := strings.Replace(paused("y", `[{"name":"zone-c","spec":{}}]`), `"paused":true`, `"paused":false`, 1)
	shared.admin.create(t, namespace, active).want(t, http.StatusCreated)
	settled(t, namespace, "y")
	must(t, shared.admin.kubernetes.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}))
	eventually(t, "the namespace is gone", func() bool {

		return shared.admin.get(t, "/api/v1/namespaces/"+namespace).code == http.StatusNotFound
	})
	list := shared.admin.get(t, in(namespace)).want(t, http.StatusOK).object(t)
	if items, _, err := unstructured.NestedSlice(list.Object, "items"); err != nil || len(items) > 0 {
		t.Errorf("left behind in a namespace that is gone: %v %v", items, err)
	}
}
