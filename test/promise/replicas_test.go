// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package promise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/examples"
)

// killEvery is how often one of the replicas is killed.
const killEvery = 20 * time.Second

// TestKillingAReplicaEvery20sBreaksNoPromise: what artifacts/base installs, with both
// examples, of which one is changed and the other one overrides what is there, while one
// replica after the other is killed and started again. It runs alone, since kills and
// starts are more than what other tests leave of the machine is good for.
func TestKillingAReplicaEvery20sBreaksNoPromise(t *testing.T) {
	s := newReplicatedSite(t)
	r := s.furnish(t)
	r.load()
	kills := 3
	if long {
		kills = 15
	}
	killing := s.killInTurn(t, kills)
	r.must(r.applyExample(r.references))
	asking := r.ask()
	rounds := 0
	for ended := false; !ended || rounds == 0; ended = killing.ended() {
		rounds++
		r.change(rounds)
		r.untilObjectReady(r.inline.Name)
	}
	r.untilObjectReady(r.references.Name)
	killing.wait()
	asking.stop()
	r.keepPromise()
	r.caller.check(t)
	r.tell("%d kills, %d rollouts: %s", kills, rounds+1, r.caller)
	for _, zone := range r.inline.Zones {
		r.expectGeneration(zone, int64(1+rounds))
	}
	for _, zone := range r.references.Zones {
		r.expectGeneration(zone, 2)
	}
	asking.expectLastWrites()
}

// replicatedSite is a control plane with two replicas of our server, as artifacts/base
// has it.
type replicatedSite struct {
	*site
	servers []*controlplane.Server
}

func newReplicatedSite(t *testing.T) *replicatedSite {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dir, err := os.MkdirTemp("", "pr") // short, for the sockets in there
	must(t, err)
	s := &replicatedSite{site: &site{behaviours: &behaviours{}}}
	t.Cleanup(func() {
		for _, server := range s.servers {
			must(t, server.Kill()) // it would go on serving for as long as the Deployment says
		}
		must(t, errors.Join(s.stop(), os.RemoveAll(dir)))
	})
	must(t, s.startAround(ctx, dir, nil))
	root, err := controlplane.FindRoot()
	must(t, err)
	base := filepath.Join(root, "artifacts", "base")
	for _, name := range []string{"replica-0", "replica-1"} {
		server, err := s.control.StartServer(ctx, controlplane.ServerOptions{
			Name: name, Unregistered: true, OwnCertificate: true, Store: controlplane.StoreHost, Manifests: resources(t, base),
			Args: flagsOf(t, filepath.Join(base, "deployment.yaml")), Env: append(s.plane.Proxy().Env(), "POD_NAME="+name),
		})
		must(t, err)
		s.servers = append(s.servers, server)
	}
	balancer, err := controlplane.Balance(ctx, s.servers...)
	must(t, err)
	t.Cleanup(balancer.Close)
	must(t, s.servers[0].Register(ctx, balancer.Port()))
	return s
}

// resources are the files of a kustomization, in order.
func resources(t *testing.T, dir string) (paths []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
	must(t, err)
	var kustomization struct{ Resources []string }
	must(t, yaml.Unmarshal(raw, &kustomization))
	for _, name := range kustomization.Resources {
		paths = append(paths, filepath.Join(dir, name))
	}
	return paths
}

// flagsOf are those of a Deployment, but for the port.
func flagsOf(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	must(t, err)
	var deployment appsv1.Deployment
	must(t, yaml.UnmarshalStrict(raw, &deployment))
	return slices.DeleteFunc(deployment.Spec.Template.Spec.Containers[0].Args, func(flag string) bool {
		return strings.HasPrefix(flag, "--secure-port=")
	})
}

// killing kills one server after the other.
type killing struct {
	group sync.WaitGroup
	left  atomic.Int64
}

// killInTurn begins with the one that leads.
func (s *replicatedSite) killInTurn(t *testing.T, kills int) *killing {
	k := &killing{}
	k.left.Store(int64(kills))
	t.Cleanup(k.wait)
	k.group.Go(func() {
		ticker := time.NewTicker(killEvery)
		defer ticker.Stop()
		for n := range kills {
			select {
			case <-ticker.C:
			case <-t.Context().Done():
				return
			}
			server := s.servers[n%len(s.servers)]
			if err := errors.Join(server.Kill(), server.Restart(t.Context())); err != nil {
				t.Errorf("killing a replica and starting it again: %v", err)
				return
			}
			k.left.Add(-1)
		}
	})
	return k
}

func (k *killing) ended() bool { return k.left.Load() == 0 }
func (k *killing) wait()       { k.group.Wait() }

// exampleRoom is a room with the two examples.
type exampleRoom struct {
	*room
	inline, references examples.Example
	rest               rest.Interface
	caller             *caller
}

// furnish makes what the examples name, and applies the first.
func (s *replicatedSite) furnish(t *testing.T) *exampleRoom {
	t.Helper()
	r := &exampleRoom{room: emptyRoom(t, s.site), rest: s.own.OperatorV1alpha1().RESTClient(), caller: &caller{reasons: map[string]int{}}}
	var err error
	r.inline, err = examples.Inline()
	must(t, err)
	r.references, err = examples.References()
	must(t, err)
	r.patience = 10 * time.Minute // most of the time nobody leads
	t.Cleanup(func() {
		r.tellStatus(r.inline.Name)
		r.tellStatus(r.references.Name)
	})
	r.zones, r.users, r.agent = slices.Concat(r.inline.Zones, r.references.Zones), r.inline.Users, r.inline.Agent
	for _, zone := range r.references.Zones {
		r.create("VMCluster", zone, `{vmselect: {replicaCount: 1}, vminsert: {replicaCount: 1}, vmstorage: {replicaCount: 1,
			storage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 10Gi}}}}}}}`)
	}
	r.createPaths()
	for i, user := range r.users {
		r.create("VMUser", user, fmt.Sprintf(`{bearerToken: %s-%s, targetRefs: [
			{crd: {kind: VMCluster/vmselect, name: %s, namespace: %s}}]}`, token, user, r.inline.Zones[i], r.namespace))
	}
	r.must(r.applyExample(r.inline))
	for _, zone := range r.references.Zones {
		r.untilOperational("VMCluster", zone)
	}
	r.untilObjectReady(r.inline.Name)
	r.untilPathsServe()
	return r
}

func (r *exampleRoom) must(err error) {
	r.t.Helper()
	must(r.t, err)
}

// request begins one about an object.
func (r *exampleRoom) request(begun *rest.Request, name string) *rest.Request {
	return begun.Namespace(r.namespace).Resource("vmdistributedclusters").Name(name)
}

// applyExample applies a manifest as it stands, then shortens what it waits for.
func (r *exampleRoom) applyExample(example examples.Example) error {
	force := true
	err := r.caller.do(r.t.Context(), "applying "+example.Name, func() *rest.Request {
		return r.request(r.rest.Patch(types.ApplyYAMLPatchType), example.Name).VersionedParams(
			&metav1.PatchOptions{FieldManager: fieldName, Force: &force, FieldValidation: metav1.FieldValidationStrict}, metav1.ParameterCodec).Body(example.Body)
	})
	if err != nil {
		return err
	}
	return r.send(types.MergePatchType, example.Name, `{"spec":{"strategy":{"updatePause":"5s","drain":{"gracePeriod":"5s"}}}}`)
}

// send patches one of the examples.
func (r *exampleRoom) send(kind types.PatchType, name, change string) error {
	return r.caller.do(r.t.Context(), "patching "+name, func() *rest.Request {
		return r.request(r.rest.Patch(kind), name).Param("fieldManager", "user").Body([]byte(change))
	})
}

// change gives all inline zones another version.
func (r *exampleRoom) change(version int) {
	r.t.Helper()
	var changes []string
	for i := range r.inline.Zones {
		changes = append(changes, fmt.Sprintf(`{"op":"add","path":"/spec/zones/vmclusters/%d/spec/vmselect/extraArgs","value":{"search.maxUniqueTimeseries":"%d"}}`, i, 100000+version))
	}
	r.must(r.send(types.JSONPatchType, r.inline.Name, "["+strings.Join(changes, ",")+"]"))
}

// expectGeneration tells how often the spec of a VMCluster was written.
func (r *exampleRoom) expectGeneration(zone string, wanted int64) {
	r.t.Helper()
	if generation := r.get("VMCluster", zone).GetGeneration(); generation != wanted {
		r.t.Errorf("VMCluster %s is at generation %d, want %d", zone, generation, wanted)
	}
}

// asking asks for all that the API has, over and over, and writes.
type asking struct {
	room  *exampleRoom
	done  chan struct{}
	group sync.WaitGroup

	mutex sync.Mutex
	// written is the last value of an annotation that was answered, by object.
	written map[string]string
}

const (
	askEvery        = 500 * time.Millisecond
	countAnnotation = "count"
)

func (r *exampleRoom) ask() *asking {
	a := &asking{room: r, done: make(chan struct{}), written: map[string]string{}}
	r.t.Cleanup(a.stop)
	for _, name := range []string{r.inline.Name, r.references.Name} {
		a.repeat("reading "+name, func() *rest.Request { return r.request(r.rest.Get(), name) })
		a.repeat("asking for the zones of "+name, func() *rest.Request { return r.request(r.rest.Get(), name).SubResource("zones") })
		a.group.Go(func() { a.write(name) })
	}
	a.repeat("listing", func() *rest.Request { return r.rest.Get().Namespace(r.namespace).Resource("vmdistributedclusters") })
	return a
}

func (a *asking) repeat(what string, request func() *rest.Request) {
	a.group.Go(func() {
		a.untilDone(func() { _ = a.room.caller.do(a.room.t.Context(), what, request) }) // errors are noted
	})
}

// write counts in an annotation.
func (a *asking) write(name string) {
	count := 0
	a.untilDone(func() {
		count++
		if err := a.room.send(types.MergePatchType, name, fmt.Sprintf(`{"metadata":{"annotations":{%q:"%d"}}}`, countAnnotation, count)); err != nil {
			return // it is noted
		}
		a.mutex.Lock()
		defer a.mutex.Unlock()
		a.written[name] = strconv.Itoa(count)
	})
}

func (a *asking) untilDone(do func()) {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		do()
		select {
		case <-ticker.C:
		case <-a.done:
			return
		}
	}
}

func (a *asking) stop() {
	select {
	case <-a.done:
	default:
		close(a.done)
	}
	a.group.Wait()
}

// expectLastWrites wants what was answered last to be there.
func (a *asking) expectLastWrites() {
	r := a.room
	r.t.Helper()
	for name, count := range a.written {
		object, err := r.clusters.Get(r.t.Context(), name, metav1.GetOptions{})
		must(r.t, err)
		if got := object.Annotations[countAnnotation]; got != count {
			r.t.Errorf("%s has %s=%s, %s was answered", name, countAnnotation, got, count)
		}
	}
}
