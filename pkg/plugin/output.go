// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/client"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/tree"
)

// output is how a command prints: for people, or for programs.
type output struct {
	format string
	colour string
}

const (
	forPeople = ""
	wide      = "wide"
	asJSON    = "json"
	asYAML    = "yaml"
	asName    = "name"
)

func (o *output) addFlags(command *cobra.Command, formats ...string) {
	command.Flags().StringVarP(&o.format, "output", "o", forPeople, "Output format: "+strings.Join(formats, ", ")+"; for people if left out.")
	cobraComplete(command, "output", formats...)
	inner := command.PreRunE
	command.PreRunE = func(command *cobra.Command, args []string) error {
		if err := oneOf("--output", o.format, append(formats, forPeople)); err != nil {
			return err
		}
		if inner != nil {
			return inner(command, args)
		}
		return nil
	}
}

func (o *output) addColour(command *cobra.Command) {
	command.Flags().StringVar(&o.colour, "color", "auto", "When to use colours: auto (on a terminal, unless NO_COLOR is set), always or never.")
	cobraComplete(command, "color", "auto", "always", "never")
	inner := command.PreRunE
	command.PreRunE = func(command *cobra.Command, args []string) error {
		if err := oneOf("--color", o.colour, []string{"auto", "always", "never"}); err != nil {
			return err
		}
		if inner != nil {
			return inner(command, args)
		}
		return nil
	}
}

func cobraComplete(command *cobra.Command, flag string, values ...string) {
	// It fails only for a flag that does not exist.
	_ = command.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func oneOf(flag, value string, allowed []string) error {
	for _, one := range allowed {
		if value == one {
			return nil
		}
	}
	return fmt.Errorf("%s is %q, want one of: %s", flag, value, strings.Trim(strings.Join(allowed, ", "), ", "))
}

// terminal is what is known of where text goes.
type terminal struct {
	is    bool
	width int
}

func terminalOf(out io.Writer) terminal {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return terminal{}
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return terminal{is: true}
	}
	return terminal{is: true, width: width}
}

// drawing is how a tree is drawn to where it goes.
func (o *output) drawing(out io.Writer) tree.Options {
	to := terminalOf(out)
	options := tree.Options{Width: to.width, Wide: o.format == wide}
	switch o.colour {
	case "always":
		options.Colour = true
	case "auto":
		options.Colour = to.is && os.Getenv("NO_COLOR") == ""
	}
	return options
}

// printObject prints an object for programs.
func (o *output) printObject(out io.Writer, api *client.Client, name string, object runtime.Object) error {
	switch o.format {
	case asJSON:
		return bare(&printers.JSONPrinter{}).PrintObj(object, out)
	case asYAML:
		return bare(&printers.YAMLPrinter{}).PrintObj(object, out)
	case asName:
		return printName(out, api, name)
	}
	return fmt.Errorf("%q is no format for an object", o.format)
}

// bare leaves out who manages which field, as kubectl does.
func bare(printer printers.ResourcePrinter) printers.ResourcePrinter {
	return &printers.OmitManagedFieldsPrinter{Delegate: printer}
}

func printName(out io.Writer, api *client.Client, name string) error {
	_, err := fmt.Fprintf(out, "%s/%s\n", api.NamedKind(), name)
	return err
}

// printValue prints what is no API object.
func (o *output) printValue(out io.Writer, value any) error {
	text, err := yaml.Marshal(value)
	if err != nil {
		return err
	}
	if o.format == asJSON {
		if text, err = yaml.YAMLToJSON(text); err != nil {
			return err
		}
		text = append(text, '\n')
	}
	_, err = out.Write(text)
	return err
}
