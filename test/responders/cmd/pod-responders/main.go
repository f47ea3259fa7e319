// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// pod-responders answers for the pods of a control plane on a laptop, in which
// nothing runs. See package responders for what is played.
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

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/test/responders"
)

// flags are what the command line says.
type flags struct {
	kubeconfig, address string
}

func main() {
	var f flags
	klog.InitFlags(nil)
	flag.StringVar(&f.kubeconfig, "kubeconfig", "", "the file that says which API server has the pods (required)")
	flag.StringVar(&f.address, "address", "", "where the forward proxy listens by which pods are asked, and answers "+responders.ReadyPath+" itself; any port of 127.0.0.1 if empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, f)
	stop()
	klog.Flush()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pod-responders:", err)
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
	config.UserAgent = "pod-responders"
	config.QPS = -1 // each answer takes a request, and whoever asks has a limit of his own
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client of %s: %w", f.kubeconfig, err)
	}
	// An end that comes before the beginning is no error.
	answering, err := responders.Listen(context.WithoutCancel(ctx), f.address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answering.Stop()) }()
	starting, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := answering.Start(starting, client); err != nil {
		if ctx.Err() != nil {
			return nil // as above
		}
		return err
	}
	klog.InfoS("Answering for pods", "proxy", answering.URL())
	<-ctx.Done()
	return nil
}
