package standin

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

func TestZZCompare(t *testing.T) {
	mode := os.Getenv("MODE")
	opts := controlplane.Options{Dir: t.TempDir(), Out: os.Stderr}
	if mode == "real" {
		opts.Operator = controlplane.OperatorReal
	}
	cp, err := controlplane.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer cp.Stop()
	l := &lab{control: cp}
	l.client, _ = dynamic.NewForConfig(cp.Config())
	if mode != "real" {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		op, _ := New(cp.Config(), Options{})
		go op.Run(ctx)
		<-op.Ready()
	}
	r := l.room(t)
	out := map[string]any{}
	dump := func(tag, res, name string) {
		o, err := r.resource(res).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			out[tag+res+"/"+name] = err.Error()
			return
		}
		md := o.Object["metadata"].(map[string]any)
		keep := map[string]any{"labels": md["labels"], "ownerReferences": md["ownerReferences"], "finalizers": md["finalizers"], "generation": md["generation"], "annotations": md["annotations"]}
		if res == statefulSetResource || res == deploymentResource {
			sp := o.Object["spec"].(map[string]any)
			keep["spec"] = map[string]any{"replicas": sp["replicas"], "selector": sp["selector"], "serviceName": sp["serviceName"], "updateStrategy": sp["updateStrategy"], "strategy": sp["strategy"], "pmp": sp["podManagementPolicy"], "tmpl": sp["template"].(map[string]any)["metadata"]}
		}
		st, _ := o.Object["status"].(map[string]any)
		delete(st, "lastAppliedSpec")
		keep["status"] = st
		out[tag+res+"/"+name] = keep
	}
	cl := r.film(clusterResource, "z")
	r.create(clusterResource, "z", `{clusterVersion: v1.149.0-cluster, vmstorage: {replicaCount: 2}, vmselect: {replicaCount: 2}, vminsert: {replicaCount: 1}, requestsLoadBalancer: {enabled: true}, managedMetadata: {labels: {team: a}}}`, nil)
	cl.untilStatus("operational@1")
	t.Log("story", cl.story())
	for _, n := range []string{"vmstorage-z", "vmselect-z"} {
		dump("1 ", statefulSetResource, n)
	}
	dump("1 ", deploymentResource, "vminsert-z")
	dump("1 ", deploymentResource, "vmclusterlb-z")
	dump("1 ", clusterResource, "z")
	r.patch(clusterResource, "z", nil, map[string]any{"paused": true, "clusterVersion": "v1.148.0-cluster"})
	cl.untilStatus("paused@2")
	r.patch(clusterResource, "z", nil, map[string]any{"paused": false})
	cl.untilStatus("operational@3")
	dump("3 ", statefulSetResource, "vmstorage-z")
	r.patch(clusterResource, "z", nil, map[string]any{"paused": true})
	cl.untilStatus("paused@4")
	r.patch(clusterResource, "z", nil, map[string]any{"paused": false})
	cl.untilStatus("operational@5")
	r.patch(clusterResource, "z", nil, map[string]any{"vmselect": nil})
	cl.untilStatus("operational@6")
	time.Sleep(2 * time.Second)
	dump("6 ", statefulSetResource, "vmselect-z")
	t.Log("story", cl.story())
	ag, au := r.film(agentResource, "main"), r.film(authResource, "main")
	r.create(agentResource, "main", `{remoteWrite: [{url: "http://x"}], replicaCount: 2, shardCount: 2, statefulMode: true}`, nil)
	ag.untilStatus("operational@1")
	dump("", statefulSetResource, "vmagent-main-0")
	dump("", agentResource, "main")
	r.create(authResource, "main", `{userSelector: {}}`, nil)
	au.untilStatus("operational@1")
	dump("", deploymentResource, "vmauth-main")
	t.Log("stories", ag.story(), au.story())
	us := r.film(userResource, "reader")
	r.create(userResource, "reader", `{targetRefs: [{crd: {kind: VMCluster/vmselect, name: y, namespace: `+r.namespace+`}}]}`, nil)
	us.untilStatus("failed@1")
	dump("1 ", userResource, "reader")
	r.patch(userResource, "reader", nil, map[string]any{"targetRefs": []any{map[string]any{"static": map[string]any{"url": "http://x"}}}})
	us.untilStatus("operational@2")
	dump("2 ", userResource, "reader")
	r.patch(userResource, "reader", nil, map[string]any{"targetRefs": []any{}})
	us.untilStatus("failed@3")
	dump("3 ", userResource, "reader")
	r.patch(authResource, "main", nil, map[string]any{"userSelector": map[string]any{"matchLabels": map[string]any{"a": "b"}}})
	us.untilStatus("ignored@3")
	dump("4 ", userResource, "reader")
	t.Log("story", us.story())
	// delete
	r.remove(clusterResource, "z")
	cl.untilDeleted()
	r.remove(userResource, "reader")
	us.untilDeleted()
	raw, _ := json.MarshalIndent(out, "", " ")
	os.WriteFile("/tmp/compare-"+mode+".json", []byte(strings.ReplaceAll(string(raw), r.namespace, "NS")), 0o644)
}
