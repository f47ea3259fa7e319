// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"
	"k8s.io/utils/clock"
)

const (
	// WorkerName is that of the keeper among the server's workers.
	WorkerName = "certificates"
	// maxIdle bounds the time without a look: of the time of day changing, nobody tells.
	maxIdle = 10 * time.Minute
	// Times between attempts after a failure.
	firstRetry, lastRetry = 50 * time.Millisecond, 30 * time.Second
)

// Keeper makes the certificate, renews it and has it trusted. Every replica has one.
type Keeper struct {
	options       Options
	timing        timing
	clock         clock.Clock
	begun         time.Time
	client        kubernetes.Interface
	registrations aggregator.Interface
	served        *Served
	metrics       *gauges
	kick          chan struct{}
	retry         workqueue.TypedRateLimiter[string]

	// trust, contests, events and told are of the goroutine that makes the passes.
	trust    *trust
	contests contests
	events   record.EventRecorder
	told     map[string]standing

	mutex sync.Mutex
	// doubt is why the aggregator does not trust us, as far as is known. It is nil from
	// the moment on that it did.
	doubt error
}

// New returns a keeper that has done nothing yet.
func New(options Options, host *rest.Config) (*Keeper, error) {
	client, err := kubernetes.NewForConfig(host)
	if err != nil {
		return nil, fmt.Errorf("making a client for the Secret with the certificate: %w", err)
	}
	registrations, err := aggregator.NewForConfig(host)
	if err != nil {
		return nil, fmt.Errorf("making a client for APIServices: %w", err)
	}
	k := &Keeper{
		options: options, timing: newTiming(options.Lifetime), client: client, registrations: registrations,
		clock: clock.RealClock{}, begun: clock.RealClock{}.Now(),
		kick: make(chan struct{}, 1), metrics: newGauges(),
		retry: workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, lastRetry),
		trust: &trust{}, contests: contests{}, doubt: errors.New("nobody has looked yet whether the aggregator trusts the certificate"),
	}
	k.served = &Served{name: "the certificate in the " + k.String()}
	return k, nil
}

// String names the Secret.
func (k *Keeper) String() string {
	return fmt.Sprintf("Secret %s/%s", k.options.Namespace, k.options.Secret)
}

// Served is what to serve with.
func (k *Keeper) Served() *Served { return k.served }

func (k *Keeper) log(ctx context.Context) klog.Logger {
	return klog.LoggerWithValues(klog.FromContext(ctx), "secret", klog.KRef(k.options.Namespace, k.options.Secret))
}

// Begin returns once there is a certificate to serve. It has to come before Run.
func (k *Keeper) Begin(ctx context.Context, patience time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		pause, err := k.pass(waiting)
		if k.served.pair() != nil {
			return nil // what else there is to do, or has failed, is for Run
		}
		if err != nil && !apierrors.IsConflict(err) && waiting.Err() == nil {
			k.log(ctx).Error(err, "There is no certificate to serve with yet, trying again", "after", pause)
		}
		timer := k.clock.NewTimer(pause)
		select {
		case <-timer.C():
		case <-waiting.Done():
			timer.Stop()
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("no certificate to serve with after %s: %w; the server makes its own unless --tls-cert-file names one or --certificate-secret is empty", patience, err)
		}
	}
}

// Run keeps the certificate until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	stop, err := k.watch(ctx)
	if err != nil {
		return err
	}
	defer stop()
	defer k.tellByEvents(ctx)()
	for {
		pause, err := k.pass(ctx)
		if err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) {
			k.log(ctx).Error(err, "Keeping the certificate failed, trying again", "after", pause)
		}
		timer := k.clock.NewTimer(pause)
		select {
		case <-k.kick:
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// look has a pass made soon.
func (k *Keeper) look() {
	select {
	case k.kick <- struct{}{}:
	default: // it is asked for already
	}
}

// pass observes, and does one thing after another until there is nothing to do. It
// returns when to look again if nothing happens before.
func (k *Keeper) pass(ctx context.Context) (time.Duration, error) {
	for {
		done, pause, err := k.step(ctx)
		if err != nil {
			return k.retry.When(k.options.Secret), err
		}
		if done {
			k.retry.Forget(k.options.Secret)
			return min(max(pause, firstRetry), maxIdle), nil
		}
	}
}

// step does one thing. done is true if there was nothing to do.
func (k *Keeper) step(ctx context.Context) (done bool, pause time.Duration, err error) {
	// What the Secret says has to be newer than what the APIServices said: what is put
	// there can then not be older than what somebody else did.
	services, standings, servicesErr := k.readAPIServices(ctx)
	secret, err := k.readSecret(ctx)
	if err != nil {
		return false, 0, errors.Join(err, servicesErr)
	}
	o := observed{
		now: k.clock.Now(), age: k.clock.Since(k.begun), host: k.options.host(), timing: k.timing, stored: read(secret), served: k.served.pair(),
		services: services, servicesKnown: servicesErr == nil, trust: k.trust,
	}
	if o.servicesKnown {
		k.trust.see(o.age, services, o.authorities())
		k.contend(ctx, o.age, services, o.stored.authorities)
		k.report(ctx, standings, o)
	}
	decided := decide(o)
	k.log(ctx).V(4).Info("Decided", "action", decided.action, "why", decided.why, "until", decided.until)
	k.assess(o, servicesErr)
	if decided.action == wait {
		return true, decided.until.Sub(o.now), servicesErr
	}
	return false, 0, k.carryOut(ctx, o, decided, secret)
}

func (k *Keeper) carryOut(ctx context.Context, o observed, decided step, secret *corev1.Secret) error {
	switch decided.action {
	case refuse:
		return fmt.Errorf("the %s is left alone: %s; delete it, or give --certificate-secret another name", k, decided.why)
	case serve:
		p := o.stored.serving
		k.served.set(p)
		k.metrics.expiration.Set(float64(p.ends().Unix()))
		k.log(ctx).Info("Serving a certificate", "serial", p.leaf.SerialNumber.Text(16), "until", p.ends(), "why", decided.why)
		return nil
	case inject:
		return k.injectInto(ctx, o.services, o.stored.authorities)
	}
	next, err := o.after(decided.action, func() (*pair, error) { return issue(o.host, o.now, o.timing) })
	if err != nil {
		return err
	}
	if err := k.writeSecret(ctx, next.write(secret, k.options.Namespace, k.options.Secret)); err != nil {
		return err
	}
	k.log(ctx).Info("Wrote the Secret with the certificate", "action", decided.action, "why", decided.why, "authorities", len(next.authorities))
	return nil
}

func (k *Keeper) readSecret(ctx context.Context) (*corev1.Secret, error) {
	found, err := k.client.CoreV1().Secrets(k.options.Namespace).Get(ctx, k.options.Secret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the %s, which holds the certificate: %w", k, err)
	}
	return found, nil
}

// writeSecret writes one that was read, or makes it. Who comes second gets an error,
// and observes anew.
func (k *Keeper) writeSecret(ctx context.Context, secret *corev1.Secret) error {
	secrets := k.client.CoreV1().Secrets(k.options.Namespace)
	var err error
	if secret.ResourceVersion == "" {
		if _, err = secrets.Create(ctx, secret, metav1.CreateOptions{FieldManager: FieldManager}); apierrors.IsAlreadyExists(err) {
			return apierrors.NewConflict(corev1.Resource("secrets"), secret.Name, err)
		}
	} else {
		_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: FieldManager})
	}
	if err != nil {
		return fmt.Errorf("writing the %s, which holds the certificate: %w", k, err)
	}
	return nil
}

// report says once what each APIService is to us, and again when that changes.
func (k *Keeper) report(ctx context.Context, all map[string]standing, o observed) {
	for _, service := range o.services {
		if string(service.caBundle) == string(o.stored.authorities.encode()) {
			all[service.name] = injected
		} else if service.pause > 0 {
			all[service.name] = contended
		}
	}
	k.metrics.show(all)
	for name, standing := range all {
		if before, told := k.told[name]; !standing.ours() && standing != absent && (!told || before != standing) {
			k.log(ctx).Info("An APIService is left alone", "apiService", name, "standing", standing)
		}
	}
	k.told = all
}

// assess keeps why the aggregator does not trust what is served, until it does.
func (k *Keeper) assess(o observed, servicesErr error) {
	doubt := servicesErr
	if o.servicesKnown && o.served != nil {
		if _, trusted := o.trust.lasted(o.age, o.served.authority); trusted {
			doubt = nil
		} else {
			doubt = errors.New("spec.caBundle of an APIService lacks the authority of the certificate")
		}
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.doubt != nil && o.served != nil {
		k.doubt = doubt
	}
}

// Ready is a check of readiness. It holds a server back that nobody trusts yet, while
// others may serve; once it was trusted, only the end of its certificate counts.
func (k *Keeper) Ready() healthz.HealthChecker {
	return healthz.NamedCheck("serving-certificate", func(*http.Request) error {
		k.mutex.Lock()
		doubt := k.doubt
		k.mutex.Unlock()
		if doubt != nil {
			return fmt.Errorf("the aggregator does not trust %s: %w", k.served.Name(), doubt)
		}
		if p := k.served.pair(); !p.goodAt(k.clock.Now()) {
			return fmt.Errorf("%s is not good now, but until %s", k.served.Name(), p.ends())
		}
		return nil
	})
}
