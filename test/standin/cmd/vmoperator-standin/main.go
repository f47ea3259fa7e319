// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// vmoperator-standin plays the VictoriaMetrics operator, for tests and for a
// control plane on a laptop. See package standin for what it does and how to
// make it do otherwise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// flags are what the command line says.
type flags struct {
	kubeconfig, healthAddress string
	lag                       time.Duration
}

func main() {
	var f flags
	klog.InitFlags(nil)
	flag.StringVar(&f.kubeconfig, "kubeconfig", "", "the file that says which API server to work on (required)")
	flag.StringVar(&f.healthAddress, "health-address", "", "where to answer "+readyPath+", such as 127.0.0.1:8081; nowhere if empty")
	flag.DurationVar(&f.lag, "lag", standin.DefaultLag, "how long an update takes; annotation "+standin.LagAnnotation+" on an object goes before it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, f)
	stop()
	klog.Flush()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vmoperator-standin:", err)
		os.Exit(1)
	}
}

// run works until the context ends, or something fails.
func run(ctx context.Context, f flags) error {
	operator, err := f.operator()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	var healthErr error
	if f.healthAddress != "" {
		group.Go(func() {
			healthErr = serveHealth(ctx, f.healthAddress, operator.Ready())
			cancel()
		})
	}
	group.Go(func() {
		select {
		case <-operator.Ready():
			klog.InfoS("The stand-in is ready", "lag", f.lag)
		case <-ctx.Done():
		}
	})
	err = operator.Run(ctx)
	cancel()
	group.Wait()
	return errors.Join(err, healthErr)
}

func (f flags) operator() (*standin.Operator, error) {
	if f.kubeconfig == "" {
		return nil, errors.New("no API server to work on: name a file with --kubeconfig")
	}
	config, err := clientcmd.BuildConfigFromFlags("", f.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.kubeconfig, err)
	}
	config.UserAgent = "vmoperator-standin"
	lag := f.lag
	if lag == 0 {
		lag = -1 // In Options, zero stands for the default.
	}
	return standin.New(config, standin.Options{Lag: lag})
}
