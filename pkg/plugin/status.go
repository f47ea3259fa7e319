// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/client"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/tree"
)

// redrawn is how often a tree is drawn anew while nothing changes but the time.
const redrawn = time.Second

func (s *session) status() *cobra.Command {
	var print output
	var watched bool
	var events int
	command := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Draw how far a rollout is, as a tree of zones",
		Long: `Draw how far a rollout is: the object, and for each zone its phase, how much of the way it
has behind it, for how long it has been in that phase, how long it may still be, and what it waits
for. Without a name, all objects of the namespace are drawn.`,
		Example: `  # Follow a rollout
  kubectl vmdc status metrics --watch

  # The object, for a program
  kubectl vmdc status metrics -o json`,
		ValidArgsFunction: s.completeName,
		Args:              cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			api, err := s.connect()
			if err != nil {
				return err
			}
			v := &viewer{session: s, api: api, print: print, events: events}
			switch {
			case watched && len(args) == 0:
				return errors.New("--watch follows one object: give its name")
			case watched && print.format != forPeople && print.format != wide:
				return fmt.Errorf("--watch draws for people; for -o %s, use kubectl get --watch", print.format)
			case watched:
				return v.follow(command.Context(), client.TrimKind(args[0]))
			case len(args) == 0:
				return v.all(command.Context())
			}
			return v.one(command.Context(), client.TrimKind(args[0]))
		},
	}
	print.addFlags(command, wide, asJSON, asYAML, asName)
	print.addColour(command)
	command.Flags().BoolVarP(&watched, "watch", "w", false, "Go on drawing, until interrupted or the object is gone.")
	command.Flags().IntVar(&events, "events", 5, "How many of the last events to show.")
	return command
}

// viewer draws objects.
type viewer struct {
	session *session
	api     *client.Client
	print   output
	events  int
}

func (v *viewer) all(ctx context.Context) error {
	objects, err := v.api.List(ctx)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		_, err := fmt.Fprintf(v.session.streams.ErrOut, "No VMDistributedClusters found in namespace %s.\n", v.api.Namespace())
		return err
	}
	for i, object := range objects {
		if i > 0 && (v.print.format == forPeople || v.print.format == wide) {
			if _, err := fmt.Fprintln(v.session.streams.Out); err != nil {
				return err
			}
		}
		if err := v.show(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

func (v *viewer) one(ctx context.Context, name string) error {
	object, err := v.api.Get(ctx, name)
	if err != nil {
		return err
	}
	return v.show(ctx, object)
}

func (v *viewer) show(ctx context.Context, object *v1alpha1.VMDistributedCluster) error {
	out := v.session.streams.Out
	if v.print.format != forPeople && v.print.format != wide {
		return v.print.printObject(out, v.api, object.Name, object)
	}
	_, err := io.WriteString(out, v.draw(object, v.told(ctx, object)))
	return err
}

func (v *viewer) draw(object *v1alpha1.VMDistributedCluster, events []corev1.Event) string {
	options := v.print.drawing(v.session.streams.Out)
	options.Events = v.events
	return tree.Draw(tree.View{Object: object, Events: events}, v.session.clock.Now(), options)
}

// told are the events about an object. Who may not read them sees none.
func (v *viewer) told(ctx context.Context, object *v1alpha1.VMDistributedCluster) []corev1.Event {
	if v.events <= 0 {
		return nil
	}
	events, err := v.api.Events(ctx, object)
	if err != nil {
		return nil
	}
	return events
}

// follow draws an object whenever it changes, and every second where that goes over
// the last drawing. Into a file it is drawn when a zone enters another phase, or the
// object another state.
func (v *viewer) follow(ctx context.Context, name string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	changes := make(chan *v1alpha1.VMDistributedCluster)
	ended := make(chan error, 1)
	go func() {
		ended <- v.api.Follow(ctx, name, func(object *v1alpha1.VMDistributedCluster) (bool, error) {
			select {
			case changes <- object:
				return false, nil
			case <-ctx.Done():
				return true, nil
			}
		})
	}()
	screen := newScreen(v.session.streams.Out)
	ticker := v.session.clock.NewTicker(redrawn)
	defer ticker.Stop()
	var latest *v1alpha1.VMDistributedCluster
	for {
		select {
		case object := <-changes:
			news := latest == nil || outline(object) != outline(latest)
			if latest = object; !news && !screen.redraws {
				continue
			}
			if err := screen.draw(v.draw(latest, v.told(ctx, latest))); err != nil {
				return err
			}
		case <-ticker.C():
			if latest == nil || !screen.redraws {
				continue
			}
			if err := screen.draw(v.draw(latest, v.told(ctx, latest))); err != nil {
				return err
			}
		case err := <-ended:
			if latest != nil && apierrors.IsNotFound(err) {
				_, err = fmt.Fprintf(v.session.streams.Out, "VMDistributedCluster %s/%s is gone.\n", v.api.Namespace(), name)
				return err
			}
			if ctx.Err() != nil {
				return nil // interrupted, which is how this ends
			}
			return err
		}
	}
}

// outline is where an object and its zones stand, without the words for it.
func outline(object *v1alpha1.VMDistributedCluster) string {
	status := &object.Status
	text := fmt.Sprint(object.DeletionTimestamp != nil, object.Generation == status.ObservedGeneration, status.UpdateStatus, blocked(status))
	for i := range status.Zones {
		text += fmt.Sprintf(" %s=%s", status.Zones[i].Name, status.Zones[i].Phase)
	}
	return text
}

// screen is where one drawing takes the place of the last.
type screen struct {
	out     io.Writer
	redraws bool
	lines   int
}

func newScreen(out io.Writer) *screen { return &screen{out: out, redraws: terminalOf(out).is} }

// draw goes back over the last drawing on a terminal, and below it elsewhere.
func (s *screen) draw(text string) error {
	switch {
	case !s.redraws:
		text += "\n"
	case s.lines > 0:
		text = fmt.Sprintf("\x1b[%dA\x1b[J", s.lines) + text
	}
	s.lines = strings.Count(text, "\n")
	_, err := io.WriteString(s.out, text)
	return err
}
