// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command vmdistributed-apiserver serves VMDistributedClusters through the
// aggregation layer of Kubernetes and rolls their changes out.
package main

import (
	"os"

	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/cmd"
)

func main() {
	ctx := genericapiserver.SetupSignalContext()
	os.Exit(cmd.Run(ctx, os.Args[1:]))
}
