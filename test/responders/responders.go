// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package responders

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
)

// patience is how long a client may take to send the head of a request.
const patience = 10 * time.Second

// Behaviour is how a pod departs from what it should do. The zero value is a pod
// in good order.
type Behaviour struct {
	// Silent closes every connection without an answer.
	Silent bool
	// PendingBytes wait in every queue of a vmagent.
	PendingBytes int64
	// Stuck is a vmauth that loads nothing from now on.
	Stuck bool
	// InFlight is how many reads a vmselect works on.
	InFlight int
}

// Responders answer for the pods of one cluster.
type Responders struct {
	client  kubernetes.Interface
	clock   clock.PassiveClock
	configs *configs
	server  *http.Server
	address string
	serving sync.WaitGroup
	end     context.CancelFunc

	mu         sync.Mutex
	behaviours map[types.NamespacedName]conduct
}

// conduct is a behaviour and since when a pod has it.
type conduct struct {
	Behaviour
	since time.Time
}

// Start answers for the pods of the cluster of client until Stop.
func Start(ctx context.Context, client kubernetes.Interface) (*Responders, error) {
	r := &Responders{client: client, clock: clock.RealClock{}, behaviours: map[types.NamespacedName]conduct{}}
	r.configs = &configs{clock: r.clock, history: map[types.NamespacedName][]config{}}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	r.end = end
	if err := r.configs.watch(ctx, running, client); err != nil {
		end()
		return nil, err
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		end()
		return nil, err
	}
	r.address = listener.Addr().String()
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: patience}
	r.serving.Go(func() {
		if err := r.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(fmt.Sprintf("serving the metrics of pods ended: %v", err))
		}
	})
	return r, nil
}

// Stop ends all answers.
func (r *Responders) Stop() error {
	r.end()
	err := r.server.Close()
	r.serving.Wait()
	return err
}

// Env is what makes a Go program ask the responders for everything but loopback.
func (r *Responders) Env() []string {
	return []string{"HTTP_PROXY=http://" + r.address, "NO_PROXY=127.0.0.1,localhost"}
}

// Behave lets a pod behave so from now on.
func (r *Responders) Behave(pod types.NamespacedName, behaviour Behaviour) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behaviours[pod] = conduct{behaviour, r.clock.Now()}
}

func (r *Responders) behaviour(pod *corev1.Pod) conduct {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.behaviours[types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}]
}

// ServeHTTP answers for the pod that the URL of the request leads to.
func (r *Responders) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	pod, err := r.pod(request.Context(), request.URL.Hostname())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if pod == nil || request.Method != http.MethodGet {
		panic(http.ErrAbortHandler)
	}
	behaviour := r.behaviour(pod)
	program, page := r.program(pod, behaviour)
	if page == nil || behaviour.Silent || !listens(pod, program, request.URL.Port()) {
		panic(http.ErrAbortHandler)
	}
	if request.URL.Path != "/metrics" {
		http.NotFound(w, request)
		return
	}
	page(&sheet{out: w})
}

// program returns the name of what a pod runs, and what shows its metrics; nil
// where that is not played.
func (r *Responders) program(pod *corev1.Pod, behaviour conduct) (string, func(*sheet)) {
	running := r.clock.Since(started(pod))
	switch name := pod.Labels["app.kubernetes.io/name"]; name {
	case "vmagent":
		return name, func(s *sheet) {
			s.process(started(pod))
			for _, queue := range queuesOf(arguments(container(pod, name))) {
				queue.show(s, running, behaviour.PendingBytes)
			}
		}
	case "vmauth":
		return name, func(s *sheet) {
			s.process(started(pod))
			at, times := r.configs.loaded(secretOf(pod), started(pod), behaviour)
			showReload(s, at, times)
		}
	case "vmselect":
		return name, func(s *sheet) {
			s.process(started(pod))
			showReads(s, behaviour.InFlight)
		}
	}
	return "", nil
}

// pod returns the one that has an address now, nil for none.
func (r *Responders) pod(ctx context.Context, address string) (*corev1.Pod, error) {
	pods, err := r.client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("status.podIP", address).String(),
	})
	if err != nil {
		return nil, fmt.Errorf("looking for the pod at %s: %w", address, err)
	}
	for i := range pods.Items {
		if pods.Items[i].Status.Phase == corev1.PodRunning {
			return &pods.Items[i], nil
		}
	}
	return nil, nil
}

func listens(pod *corev1.Pod, program, port string) bool {
	for _, has := range container(pod, program).Ports {
		if strconv.Itoa(int(has.ContainerPort)) == port {
			return true
		}
	}
	return false
}

// container returns a container of a pod by name, an empty one for none.
func container(pod *corev1.Pod, name string) corev1.Container {
	for _, has := range pod.Spec.Containers {
		if has.Name == name {
			return has
		}
	}
	return corev1.Container{}
}

// started is when the programs in a pod did.
func started(pod *corev1.Pod) time.Time {
	if pod.Status.StartTime == nil {
		return pod.CreationTimestamp.Time
	}
	return pod.Status.StartTime.Time
}
