// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apiserver/pkg/storage"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// GetList fills a list with the objects below a key, or with the one at a key.
func (s *Store) GetList(ctx context.Context, key string, options storage.ListOptions, list runtime.Object) error {
	asked, err := s.scope(key, options)
	if err != nil {
		return err
	}
	items, err := itemsOf(list)
	if err != nil {
		return err
	}
	records, err := s.records.list(ctx, asked.namespace, asked.listOptions(options))
	if err != nil {
		return hostError(err, listing, place{}, 0)
	}
	for i := range records.Items {
		if err := s.addItem(ctx, &records.Items[i], options.Predicate, items); err != nil {
			return err
		}
	}
	version, err := s.codec.versioner.ParseResourceVersion(records.ResourceVersion)
	if err != nil {
		return err
	}
	return s.codec.versioner.UpdateList(list, version, records.Continue, records.RemainingItemCount)
}

// itemsOf returns the empty slice that the items of a list go into. Nobody gets null
// for no items.
func itemsOf(list runtime.Object) (reflect.Value, error) {
	pointer, err := meta.GetItemsPtr(list)
	if err != nil {
		return reflect.Value{}, err
	}
	items, err := conversion.EnforcePtr(pointer)
	if err != nil {
		return reflect.Value{}, fmt.Errorf("the list to fill: %w", err)
	}
	if items.IsNil() {
		items.Set(reflect.MakeSlice(items.Type(), 0, 0))
	}
	return items, nil
}

// addItem adds what a record holds, if the predicate takes it.
func (s *Store) addItem(ctx context.Context, record *storagev1.Record, predicate storage.SelectionPredicate, items reflect.Value) error {
	item := reflect.New(items.Type().Elem())
	object, ok := item.Interface().(runtime.Object)
	if !ok {
		return fmt.Errorf("%s is no type of objects", items.Type().Elem())
	}
	if err := s.show(ctx, record, object); err != nil {
		return readError(ctx, s.key(record), err)
	}
	// Who edits a record by hand makes its labels say something else than the object.
	if matches, err := predicate.Matches(object); err != nil || !matches {
		return nil //nolint:nilerr // what can't be told to match does not
	}
	items.Set(reflect.Append(items, item.Elem()))
	return nil
}

// scope is what a list or a watch is about.
type scope struct {
	namespace string
	labels    string
	fields    []string
	// rest is true where the predicate asks for more than the cluster can tell.
	rest bool
	// one is true where it is about one key.
	one bool
}

// scope works out what can be left to the cluster.
func (s *Store) scope(key string, options storage.ListOptions) (scope, error) {
	asked := scope{one: !options.Recursive}
	prepared, err := storage.PrepareKey(s.prefix, key, options.Recursive)
	if err != nil {
		return scope{}, err
	}
	namespace, name, _ := strings.Cut(strings.TrimPrefix(prepared, s.prefix), "/")
	asked.namespace = namespace
	// Below an object there is nothing, and neither is at the key of a namespace. No
	// record has the empty name.
	if asked.one != (name != "") {
		name, asked.one = "", true
	}
	if asked.one {
		asked.fields = append(asked.fields, fields.OneTermEqualSelector(metav1.ObjectNameField, name).String())
	}
	asked.addSelectors(options.Predicate)
	return asked, nil
}

// addSelectors leaves to the cluster what records have as their objects do: names and
// labels. What matches nothing has no words, and is for us.
func (a *scope) addSelectors(predicate storage.SelectionPredicate) {
	if label := predicate.Label; label != nil && !label.Empty() {
		_, wordable := label.Requirements()
		a.labels, a.rest = label.String(), !wordable
	}
	if field := predicate.Field; field != nil && !field.Empty() {
		requirements := field.Requirements()
		a.rest = a.rest || len(requirements) == 0
		for _, one := range requirements {
			a.addField(one)
		}
	}
}

func (a *scope) addField(one fields.Requirement) {
	switch {
	case one.Field != metav1.ObjectNameField && one.Field != "metadata.namespace":
		a.rest = true
	case one.Operator == selection.NotEquals:
		a.fields = append(a.fields, fields.OneTermNotEqualSelector(one.Field, one.Value).String())
	default:
		a.fields = append(a.fields, fields.OneTermEqualSelector(one.Field, one.Value).String())
	}
}

func (a scope) listOptions(options storage.ListOptions) metav1.ListOptions {
	asked := metav1.ListOptions{
		LabelSelector:        a.labels,
		FieldSelector:        strings.Join(a.fields, ","),
		ResourceVersion:      options.ResourceVersion,
		ResourceVersionMatch: options.ResourceVersionMatch,
	}
	if !a.one {
		asked.Limit, asked.Continue = options.Predicate.Limit, options.Predicate.Continue
	}
	return asked
}
