// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// vmoperator-dataplane plays the VictoriaMetrics operator with processes of
// vmagent, vmauth and victoria-metrics behind the objects, for a control plane on a
// laptop. See package dataplane for what is real and what is played.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/test/dataplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// flags are what the command line says.
type flags struct {
	kubeconfig, healthAddress string
	options                   dataplane.Options
}

func main() {
	var f flags
	klog.InitFlags(nil)
	flag.StringVar(&f.kubeconfig, "kubeconfig", "", "the file that says which API server to work on (required)")
	flag.StringVar(&f.healthAddress, "health-address", "", "where to answer "+readyPath+", such as 127.0.0.1:8081; nowhere if empty")
	flag.StringVar(&f.options.Dir, "dir", "", "where everything is written (required)")
	flag.StringVar(&f.options.BinDir, "bin-dir", "", "where vmagent, vmauth and victoria-metrics are (required)")
	flag.StringVar(&f.options.ProxyAddress, "proxy-address", "", "where the forward proxy listens by which pods and Services are reached; any port of 127.0.0.1 if empty")
	flag.DurationVar(&f.options.Lag, "lag", standin.DefaultLag, "how long a zone is away for an update, at least")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, f)
	stop()
	klog.Flush()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vmoperator-dataplane:", err)
		os.Exit(1)
	}
}

// startPatience bounds the wait for the API server to list what there is.
const startPatience = time.Minute

// run works until the context ends, or something fails.
func run(ctx context.Context, f flags) (err error) {
	if f.kubeconfig == "" {
		return errors.New("no API server to work on: name a file with --kubeconfig")
	}
	config, err := clientcmd.BuildConfigFromFlags("", f.kubeconfig)
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.kubeconfig, err)
	}
	config.UserAgent = "vmoperator-dataplane"
	starting, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	plane, err := dataplane.Start(starting, config, f.options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	klog.InfoS("The data plane is ready", "proxy", plane.Proxy().URL())
	ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-plane.Ended():
			cancel()
		case <-ctx.Done():
		}
	}()
	if f.healthAddress == "" {
		<-ctx.Done()
		return nil
	}
	return serveHealth(ctx, f.healthAddress)
}
