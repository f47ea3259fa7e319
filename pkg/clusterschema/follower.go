// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clusterschema

import (
	"context"
	"fmt"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	informers "k8s.io/apiextensions-apiserver/pkg/client/informers/externalversions/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// Follower knows the schema that is installed, and the next one as soon as that is.
type Follower struct {
	informer cache.SharedIndexInformer
	handling cache.ResourceEventHandlerRegistration
	// builtIn stands in where nothing is installed. It is made when it is needed,
	// which is hardly ever.
	builtIn func() (*Schema, error)

	// replacing is held from the decision that a schema takes the place of the last
	// one until all have been told: who is told last has been told what is in force.
	replacing sync.Mutex

	mutex    sync.RWMutex
	current  *Schema // nil where nothing is installed
	compiled *apiextensionsv1.CustomResourceDefinition
	onChange []func(*Schema)
}

// NewFollower returns a Follower that has seen nothing before Run.
func NewFollower(ctx context.Context, client apiextensions.Interface) (*Follower, error) {
	f := &Follower{builtIn: sync.OnceValues(BuiltIn)}
	f.informer = informers.NewFilteredCustomResourceDefinitionInformer(client, 0, cache.Indexers{}, func(options *metav1.ListOptions) {
		options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, CRDName()).String()
	})
	logger := klog.LoggerWithName(klog.FromContext(ctx), "cluster-schema")
	handling, err := f.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { f.see(logger, obj.(*apiextensionsv1.CustomResourceDefinition)) },
		UpdateFunc: func(_, obj any) { f.see(logger, obj.(*apiextensionsv1.CustomResourceDefinition)) },
		DeleteFunc: func(any) { f.forget(logger) },
	})
	if err != nil {
		return nil, fmt.Errorf("watching the CustomResourceDefinition %s: %w", CRDName(), err)
	}
	f.handling = handling
	return f, nil
}

// CRDName is the name of the CustomResourceDefinition that is followed.
func CRDName() string { return victoriametrics.VMClusterResource.GroupResource().String() }

// Run follows until ctx ends, and returns when everything that it started has.
func (f *Follower) Run(ctx context.Context) error {
	var group sync.WaitGroup
	group.Go(func() { f.informer.RunWithContext(ctx) })
	if cache.WaitForCacheSync(ctx.Done(), f.HasSynced) {
		f.fallBack(klog.FromContext(ctx))
	}
	group.Wait()
	return nil
}

// HasSynced is true once it is known what is installed.
func (f *Follower) HasSynced() bool { return f.handling.HasSynced() }

// Current is the schema that is installed, or the built-in one.
func (f *Follower) Current() (*Schema, error) {
	if installed := f.installed(); installed != nil {
		return installed, nil
	}
	return f.builtIn()
}

// Installed is true where Current is the schema that is installed.
func (f *Follower) Installed() bool { return f.installed() != nil }

func (f *Follower) installed() *Schema {
	f.mutex.RLock()
	defer f.mutex.RUnlock()
	return f.current
}

// OnChange has react called with the schema that is found first, and with each that
// comes in its place, one after the other. It must be called before Run.
func (f *Follower) OnChange(react func(*Schema)) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.onChange = append(f.onChange, react)
}

// see takes a definition up. One that can't be read leaves the last one in force:
// kube-apiserver has let it in, so that it is us who lack something.
func (f *Follower) see(logger klog.Logger, crd *apiextensionsv1.CustomResourceDefinition) {
	f.replacing.Lock()
	defer f.replacing.Unlock()
	f.mutex.RLock()
	same := f.compiled != nil && f.compiled.UID == crd.UID && f.compiled.Generation == crd.Generation
	f.mutex.RUnlock()
	if same {
		return // its status has changed
	}
	schema, err := Compile(crd)
	if err != nil {
		logger.Error(err, "Can't use the installed definition of VMCluster; going on with what was known before")
		return
	}
	f.replace(logger, schema, crd)
}

// fallBack tells of the built-in schema, unless something is installed after all.
func (f *Follower) fallBack(logger klog.Logger) {
	f.replacing.Lock()
	defer f.replacing.Unlock()
	if f.installed() == nil {
		f.replace(logger, nil, nil)
	}
}

// forget puts the built-in schema in force: nothing is installed any more.
func (f *Follower) forget(logger klog.Logger) {
	f.replacing.Lock()
	defer f.replacing.Unlock()
	f.replace(logger, nil, nil)
}

// replace puts a schema in the place of the last one, nil for the built-in one, and
// tells of it. Who calls it holds replacing.
func (f *Follower) replace(logger klog.Logger, schema *Schema, crd *apiextensionsv1.CustomResourceDefinition) {
	f.mutex.Lock()
	f.current, f.compiled = schema, crd
	reactions := f.onChange
	f.mutex.Unlock()
	schema, err := f.Current()
	if err != nil {
		logger.Error(err, "There is no schema of VMCluster to check by")
		return
	}
	logger.Info("Checking VMClusters by another schema", "origin", schema.Origin())
	for _, react := range reactions {
		react(schema)
	}
}
