// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"strconv"
	"strings"
)

// arguments is what a part of a spec says about the command line of its program.
//
// extraArgs go onto the command line and take the place of the operator's own
// argument of the same name (AddExtraArgsOverrideDefaults,
// factory/build/container.go). Under extraEnvs and extraEnvsFrom the operator
// adds -envflag.enable=true (newPodSpec, factory/vmagent/vmagent.go, and the
// others alike), and what the command line leaves open is then taken from the
// environment, with underscores for dots (ParseFlagSet, lib/envflag/envflag.go
// of VictoriaMetrics).
type arguments struct {
	// at is the place of spec, for people: spec, or spec.vmselect.
	at   string
	spec map[string]any
}

// argument is the value of one argument.
type argument struct {
	// place is where it is given, such as spec.extraArgs[tls]; "" where it is not.
	place string
	value string
	// unknown says why its value cannot be told, "" where it can.
	unknown string
}

// get returns an argument. What extraEnvsFrom may hold is not seen: nobody keeps
// a switch there, and a password that is missed makes for an answer of 401.
func (a arguments) get(name string) argument {
	if value, ok := member(a.spec, "extraArgs", name).(string); ok {
		found := argument{place: fmt.Sprintf("%s.extraArgs[%s]", a.at, name), value: value}
		// %{NAME} is replaced by the program (lib/envtemplate of VictoriaMetrics) and
		// $(NAME) by Kubernetes.
		if strings.Contains(value, "%{") || strings.Contains(value, "$(") {
			found.unknown = found.place + " is filled in from the environment of the pod"
		}
		return found
	}
	prefix, _ := member(a.spec, "extraArgs", "envflag.prefix").(string)
	return a.environment(prefix + strings.ReplaceAll(name, ".", "_"))
}

// environment returns a variable. Of several with one name the last one counts.
func (a arguments) environment(name string) argument {
	var found argument
	list, _ := a.spec["extraEnvs"].([]any)
	for _, entry := range list {
		if text(entry, "name") != name {
			continue
		}
		found = argument{place: fmt.Sprintf("%s.extraEnvs[%s]", a.at, name), value: text(entry, "value")}
		if member(entry, "valueFrom") != nil || strings.Contains(found.value, "$(") {
			found.unknown = found.place + " takes its value from elsewhere"
		}
	}
	return found
}

// password returns an argument that the program also reads from a file or an URL
// when it is given one (Password, lib/flagutil/password.go of VictoriaMetrics).
func (a arguments) password(name string) argument {
	found := a.get(name)
	for _, scheme := range []string{"file://", "http://", "https://"} {
		if found.unknown == "" && strings.HasPrefix(found.value, scheme) {
			found.unknown = found.place + " is read from " + strings.TrimSuffix(scheme, "://")
		}
	}
	return found
}

// first returns the first value of an argument that can be given several times
// or as a list.
func (a arguments) first(name string) argument {
	found := a.get(name)
	found.value, _, _ = strings.Cut(found.value, ",")
	found.value = strings.TrimSpace(found.value)
	return found
}

// truth reads a switch, which is off where it is not given.
func (g argument) truth() bool {
	on, err := strconv.ParseBool(strings.ToLower(g.value))
	return err == nil && on
}
