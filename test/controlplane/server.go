// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

const (
	// ServerNamespace is where the project's own server runs in a cluster.
	ServerNamespace = "vmdistributed-system"
	// ServerUser is whom the project's own server is to the cluster.
	ServerUser = "system:serviceaccount:" + ServerNamespace + ":" + serverProgram

	serverProgram = "vmdistributed-apiserver"

	// storeVariable names the store of all servers of which a test does not say it.
	storeVariable = "VMDC_TEST_STORE"
)

// serverGroups are the groups that the token of ServerUser would carry.
func serverGroups() []string {
	return []string{"system:serviceaccounts", "system:serviceaccounts:" + ServerNamespace, "system:authenticated"}
}

// Store says where a server keeps objects.
type Store string

const (
	// StoreEmbedded is an etcd of its own, in its DataDir.
	StoreEmbedded Store = "embedded"
	// StoreEtcd is the etcd of the control plane.
	StoreEtcd Store = "etcd"
	// StoreHost is the control plane itself.
	StoreHost Store = "host"
)

// ServerOptions says how to run the project's own server. The zero value runs
// it with the rights of artifacts/base, and with a store of its own.
type ServerOptions struct {
	// Name tells several servers apart. Default: vmdistributed-apiserver.
	Name string
	// Program is the path of the binary. Default: the one in Options.BinDir.
	Program string
	// DataDir is the server's --data-dir. Default: data/NAME below Options.Dir.
	DataDir string
	// Store is where the server keeps objects. Default: the one that the environment
	// names in VMDC_TEST_STORE, StoreEmbedded if none.
	Store Store
	// EtcdURL is the etcd of StoreEtcd, where it is not that of the control plane: one
	// that everybody may use.
	EtcdURL string
	// Args are appended to the server's flags, Env to its environment.
	Args, Env []string
	// Manifests are the files applied for it, in order; Services and APIServices
	// in them are made to point to this server. Default: namespace.yaml, rbac.yaml,
	// roles.yaml, service.yaml and apiservice.yaml of artifacts/base.
	Manifests []string
	// OwnCertificate has the server make its certificate and put its authority into the
	// APIServices by itself, as it does in a cluster.
	OwnCertificate bool
	// BothGroups adds those of artifacts/components/beside-the-operator to the default of
	// Manifests, so that the kind is registered in its second group too.
	BothGroups bool
	// SecondGroupOnly is BothGroups without the APIService of the first group.
	SecondGroupOnly bool
	// Unregistered leaves Services and APIServices out: the server runs beside
	// one that is registered, as another replica, or behind a Balancer.
	Unregistered bool
	// Refused is for an Unregistered server whose cluster knows another store: it is
	// started when it lives, though it is not ready.
	Refused bool
}

// Server is a run of the project's own server, and the runs that follow it by
// Restart.
type Server struct {
	// DataDir is the server's data directory, Log the path of its log.
	DataDir, Log string
	// Store is where it keeps objects.
	Store Store

	cp        *ControlPlane
	options   ServerOptions
	component component

	mu      sync.Mutex
	process *process
	port    int
}

// StartServer runs the project's own server and returns when it is ready and
// the aggregator passes requests on to it.
func (c *ControlPlane) StartServer(ctx context.Context, options ServerOptions) (*Server, error) {
	options, err := options.complete(c.layout)
	if err != nil {
		return nil, err
	}
	s := &Server{cp: c, options: options}
	s.DataDir, s.Log, s.Store = s.options.DataDir, c.layout.log(s.options.Name), s.options.Store
	s.component = component{
		name: s.options.Name, order: orderServer, ports: []string{s.options.Name}, prepare: s.prepare,
	}
	if err := checkProgram(s.options.Program); err != nil {
		return nil, err
	}
	if s.port, err = c.launcher.ports.port(s.options.Name); err != nil {
		return nil, err
	}
	starting, started := context.WithCancel(ctx)
	var accepting sync.WaitGroup
	accepting.Go(func() { s.acceptFirstStore(starting) })
	err = s.run(ctx)
	started()
	accepting.Wait()
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (o ServerOptions) complete(l layout) (ServerOptions, error) {
	o.Store = cmp.Or(o.Store, Store(os.Getenv(storeVariable)), StoreEmbedded)
	switch o.Store {
	case StoreEmbedded, StoreEtcd, StoreHost:
	default:
		return o, fmt.Errorf("store %q is unknown: use %s, %s or %s", o.Store, StoreEmbedded, StoreEtcd, StoreHost)
	}
	if o.Name == "" {
		o.Name = serverProgram
	}
	if o.Program == "" {
		o.Program = l.program(serverProgram)
	}
	if o.DataDir == "" {
		o.DataDir = l.data(o.Name)
	}
	if o.Manifests == nil {
		for _, name := range []string{"namespace", "crd", "rbac", "roles", "service", "apiservice"} {
			if name != "apiservice" || !o.SecondGroupOnly {
				o.Manifests = append(o.Manifests, filepath.Join(l.root, "artifacts", "base", name+".yaml"))
			}
		}
		o.Manifests = append(o.Manifests, filepath.Join(l.root, "artifacts", "components", "embedded-etcd", "rbac.yaml"))
		for _, name := range []string{"roles", "apiservice"} {
			if o.BothGroups || o.SecondGroupOnly {
				o.Manifests = append(o.Manifests, filepath.Join(l.root, "artifacts", "components", "beside-the-operator", name+".yaml"))
			}
		}
	}
	// The server runs in another directory than this process.
	for _, path := range []*string{&o.Program, &o.DataDir} {
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return o, err
		}
	}
	return o, nil
}

// run brings the server from whatever state to being served.
func (s *Server) run(ctx context.Context) error {
	manifests, err := readManifests(s.options.Manifests...)
	if err != nil {
		return err
	}
	applier, err := newApplier(s.cp.Config())
	if err != nil {
		return err
	}
	// The rights first, for the server asks for them when it starts. What points
	// to it last: an aggregator that finds nobody there asks again only later.
	rights, pointers := split(manifests)
	if err := applier.apply(ctx, rights...); err != nil {
		return err
	}
	process, err := s.cp.launcher.ensure(ctx, s.component)
	s.mu.Lock()
	s.process = process
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if s.options.Unregistered {
		return s.untilUsersAreKnown(ctx)
	}
	return s.register(ctx, applier, pointers, s.port)
}

// Register makes the aggregator send requests to a port of this machine, and returns
// when it does: that of a Balancer before Unregistered servers, of which this is one.
func (s *Server) Register(ctx context.Context, port int) error {
	manifests, err := readManifests(s.options.Manifests...)
	if err != nil {
		return err
	}
	applier, err := newApplier(s.cp.Config())
	if err != nil {
		return err
	}
	_, pointers := split(manifests)
	return s.register(ctx, applier, pointers, port)
}

// untilUsersAreKnown returns once the server knows users by their certificates. The
// authority for these comes by a watch, and may be a moment behind readiness, which
// is about what the aggregator presents.
func (s *Server) untilUsersAreKnown(ctx context.Context) error {
	config, err := s.ConfigFor(adminUser, adminGroup)
	if err != nil {
		return err
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, s.cp.options.Patience, true, func(context.Context) (bool, error) {
		_, err := client.ServerVersion()
		if apierrors.IsUnauthorized(err) {
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return fmt.Errorf("waiting until %s knows the users of the cluster: %w; %s", s.options.Name, err, s.process.log.Tail(20))
	}
	return nil
}

// register makes the aggregator send requests to a port of this machine and returns
// when it does.
func (s *Server) register(ctx context.Context, applier *applier, pointers []*unstructured.Unstructured, port int) error {
	begun := time.Now()
	ca := s.cp.pki.aggregated.cert
	if s.options.OwnCertificate {
		ca = nil
	}
	for _, object := range pointers {
		if err := pointToLoopback(object, port, ca); err != nil {
			return err
		}
	}
	if err := applier.apply(ctx, pointers...); err != nil {
		return err
	}
	for _, object := range pointers {
		if object.GetKind() != kindAPIService {
			continue
		}
		if err := waitAggregated(ctx, s.cp.Config(), object.GetName(), s.cp.options.Patience); err != nil {
			return fmt.Errorf("%w; %s", err, s.process.log.Tail(20))
		}
		s.cp.launcher.progress.say("APIService %s: available after %.1fs", object.GetName(), time.Since(begun).Seconds())
	}
	return nil
}

// split parts the objects that point to the server from all others.
func split(objects []*unstructured.Unstructured) (others, pointers []*unstructured.Unstructured) {
	for _, object := range objects {
		if kind := object.GetKind(); kind == kindService || kind == kindAPIService {
			pointers = append(pointers, object)
		} else {
			others = append(others, object)
		}
	}
	return others, pointers
}

func (s *Server) prepare() (command, probe, error) {
	c, name := s.cp, s.options.Name
	kubeconfig, err := c.componentKubeconfig(name, ServerUser, serverGroups()...)
	if err != nil {
		return command{}, probe{}, err
	}
	port, err := c.launcher.ports.port(name)
	if err != nil {
		return command{}, probe{}, err
	}
	if s.port != port {
		s.port = port
	}
	cmd := c.command(name, append([]string{
		"--kubeconfig=" + kubeconfig,
		"--bind-address=" + loopback,
		"--secure-port=" + strconv.Itoa(s.port),
	}, s.storeArgs()...))
	proxy, err := c.proxyEnv()
	if err != nil {
		return command{}, probe{}, err
	}
	cmd.program = s.options.Program
	cmd.inputs = []string{kubeconfig}
	ask := probe{URL: localURL(s.port) + "/readyz"}
	if s.options.Refused {
		ask.URL = localURL(s.port) + "/livez"
	}
	if err := s.prepareCertificate(&cmd, &ask); err != nil {
		return command{}, probe{}, err
	}
	cmd.args = append(cmd.args, s.options.Args...)
	cmd.env = append(append(cmd.env, proxy...), s.options.Env...)
	return cmd, ask, nil
}

// prepareCertificate makes a certificate that is good for loopback too, unless the
// server makes its own, which is not.
func (s *Server) prepareCertificate(cmd *command, ask *probe) error {
	if s.options.OwnCertificate {
		ask.Unverified = true
		return nil
	}
	pki, serving := s.cp.pki, s.options.Name+"-serving"
	service := serverProgram + "." + ServerNamespace
	if _, err := pki.server(pki.aggregated, serving, loopback, "localhost", service, service+".svc"); err != nil {
		return err
	}
	cmd.args = append(cmd.args, "--tls-cert-file="+pki.cert(serving), "--tls-private-key-file="+pki.key(serving))
	cmd.inputs = append(cmd.inputs, pki.cert(serving))
	ask.CAFile = pki.cert("aggregated-ca")
	return nil
}

func (s *Server) storeArgs() []string {
	switch s.options.Store {
	case StoreHost:
		return []string{"--storage=host"}
	case StoreEtcd:
		if s.options.EtcdURL != "" {
			return []string{"--etcd-servers=" + s.options.EtcdURL}
		}
		return s.cp.EtcdFlags()
	}
	return []string{"--data-dir=" + s.options.DataDir}
}

// Kill ends the server at once, as a crash would, and returns when it is gone.
func (s *Server) Kill() error { return s.current().kill(context.Background()) }

// Stop asks the server to end and returns when it has ended. It is an error if
// that took force.
func (s *Server) Stop() error { return s.current().stop(context.Background()) }

// Restart ends the server if it runs, starts it again with the same flags, port
// and data, and returns when it is ready and the aggregator passes requests on
// to it.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.current().stop(ctx); err != nil {
		return err
	}
	return s.run(ctx)
}

// PID returns the process id of the current run.
func (s *Server) PID() int { return s.current().id.PID }

// Alive tells whether the server runs.
func (s *Server) Alive() bool { return s.current().alive() }

// TimeToReady returns how long the current run took from the start of its
// process until it said that it is ready; zero if it was found running.
func (s *Server) TimeToReady() time.Duration { return s.current().readyAfter }

// URL returns the server's own address, beside the aggregator.
func (s *Server) URL() string { return localURL(s.port) }

// ConfigFor returns a client configuration for the server itself, beside the
// aggregator, for a user authenticated by a certificate of the cluster.
func (s *Server) ConfigFor(user string, groups ...string) (*rest.Config, error) {
	config, err := s.cp.ConfigFor(user, groups...)
	if err != nil {
		return nil, err
	}
	config.Host, config.CAData = s.URL(), s.cp.pki.aggregated.cert
	if s.options.OwnCertificate {
		config.CAData, config.Insecure = nil, true
	}
	return config, nil
}

func (s *Server) current() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}
