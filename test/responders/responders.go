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

	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
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

// ReadyPath is where the responders themselves, asked as a server and not as a
// proxy, answer 200 as soon as they answer for pods.
const ReadyPath = "/ready"

// Responders answer for the pods of one cluster.
type Responders struct {
	client   kubernetes.Interface
	clock    clock.PassiveClock
	configs  *configs
	listener net.Listener
	server   *http.Server
	serving  sync.WaitGroup
	end      context.CancelFunc

	mu         sync.Mutex
	behaviours map[types.NamespacedName]conduct
}

// conduct is a behaviour and since when a pod has it.
type conduct struct {
	Behaviour
	since time.Time
}

// Listen takes an address for the responders, any of loopback if it is empty, for
// programs that have to know it before there is a cluster: who asks before Start
// waits.
func Listen(ctx context.Context, address string) (*Responders, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp4", address)
	if err != nil {
		return nil, fmt.Errorf("listening for those who ask pods: %w", err)
	}
	r := &Responders{clock: clock.RealClock{}, listener: listener, end: func() {}, behaviours: map[types.NamespacedName]conduct{}}
	r.configs = &configs{clock: r.clock, history: map[types.NamespacedName][]config{}}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: patience}
	return r, nil
}

// Start answers for the pods of the cluster of client until Stop.
func (r *Responders) Start(ctx context.Context, client kubernetes.Interface) error {
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	if err := r.configs.watch(ctx, running, client); err != nil {
		end()
		return err
	}
	r.client, r.end = client, end
	r.serving.Go(func() {
		if err := r.server.Serve(r.listener); !errors.Is(err, http.ErrServerClosed) {
			panic(fmt.Sprintf("serving the metrics of pods ended: %v", err))
		}
	})
	return nil
}

// Stop ends all answers.
func (r *Responders) Stop() error {
	r.end()
	err := r.server.Close()
	if closed := r.listener.Close(); !errors.Is(closed, net.ErrClosed) {
		err = errors.Join(err, closed) // it was never started
	}
	r.serving.Wait()
	return err
}

// URL is the address of the responders as a proxy.
func (r *Responders) URL() string { return "http://" + r.listener.Addr().String() }

// Env is what makes a Go program ask the responders for everything but loopback.
func (r *Responders) Env() []string { return spawn.ProxyEnv(r.URL()) }

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
	if request.URL.Host == "" {
		answerOurselves(w, request)
		return
	}
	pod, err := r.pod(request.Context(), request.URL.Hostname())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if pod == nil || request.Method != http.MethodGet {
		panic(http.ErrAbortHandler)
	}
	behaviour := r.behaviour(pod)
	page := r.page(pod, listening(pod, request.URL.Port()), behaviour)
	if page == nil || behaviour.Silent {
		panic(http.ErrAbortHandler)
	}
	if request.URL.Path != "/metrics" {
		http.NotFound(w, request)
		return
	}
	page(&sheet{out: w})
}

// answerOurselves answers who takes the proxy for a server.
func answerOurselves(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodGet || request.URL.Path != ReadyPath {
		http.Error(w, "this is a forward proxy to the pods of a cluster", http.StatusNotFound)
		return
	}
	_, _ = fmt.Fprintln(w, "ok") // who has gone away meanwhile misses nothing
}

// page returns what shows the metrics of a container; nil where that is not played.
// Containers of the same name are of other programs in other pods.
func (r *Responders) page(pod *corev1.Pod, of corev1.Container, behaviour conduct) func(*sheet) {
	switch program := pod.Labels["app.kubernetes.io/name"]; {
	case program == "vmauth" && of.Name == reloader:
		return func(s *sheet) {
			r.configs.showConfirmed(s, of, started(pod), behaviour)
		}
	case program != of.Name:
		return nil
	case program == "vmagent":
		return func(s *sheet) {
			s.process(started(pod))
			for _, queue := range queuesOf(arguments(of)) {
				queue.show(s, r.clock.Since(started(pod)), behaviour.PendingBytes)
			}
		}
	case program == "vmauth":
		return func(s *sheet) {
			s.process(started(pod))
			at, times := r.configs.loaded(secretOf(container(pod, reloader)), started(pod), behaviour)
			showReload(s, at, times)
		}
	case program == "vmselect":
		return func(s *sheet) {
			s.process(started(pod))
			showReads(s, behaviour.InFlight)
		}
	}
	return nil
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

// listening returns the container of a pod that has a port, an empty one for none.
func listening(pod *corev1.Pod, port string) corev1.Container {
	for _, has := range pod.Spec.Containers {
		for _, listens := range has.Ports {
			if strconv.Itoa(int(listens.ContainerPort)) == port {
				return has
			}
		}
	}
	return corev1.Container{}
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
