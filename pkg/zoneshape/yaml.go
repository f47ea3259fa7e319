// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// maxExpanded is how large the aliases of a YAML body may make it, in bytes of
// JSON. It equals the size that the server accepts of any body by default.
const maxExpanded = 3 << 20

// rewriteYAML looks into a YAML body through its JSON form, and sends that on
// only if something had to change.
func rewriteYAML(mediaType string, body []byte) (Result, error) {
	if json.Valid(body) {
		return rewriteJSON(mediaType, body)
	}
	untouched := Result{Body: body, MediaType: mediaType}
	if err := checkExpansion(body); err != nil {
		return untouched, err
	}
	converted, err := yaml.YAMLToJSON(body)
	if err != nil {
		return untouched, nil //nolint:nilerr // the server uses the same parser, and says why
	}
	result, err := rewriteJSON(mediaType, converted)
	if err != nil || !result.Changed {
		return untouched, err
	}
	// The JSON form has forgotten duplicates, so nobody after us can find them.
	if _, err := yaml.YAMLToJSONStrict(body); err != nil {
		return untouched, fmt.Errorf("rewriting the list of zones in a YAML body: write every key once: %s", brief(err.Error()))
	}
	if mediaType == runtime.ContentTypeYAML {
		result.MediaType = runtime.ContentTypeJSON
		return result, nil
	}
	result.Body = escapeForYAML(result.Body)
	return result, nil
}

// escapeForYAML escapes what JSON lets stand in a string and a parser of YAML
// takes for a line break, or refuses.
func escapeForYAML(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	for _, r := range string(doc) {
		if 0x7f <= r && r <= 0x9f || r == 0xfeff || r == 0xfffe || r == 0xffff {
			out = fmt.Appendf(out, `\u%04x`, r)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

// checkExpansion refuses a body whose aliases repeat so much that decoding it
// would take down the server. The parser bounds how many values come from
// aliases, but not how long they are: an alias costs three bytes and may stand
// for a string of a megabyte, once it is written out as JSON or quoted in an
// error message. So the size is computed from the nodes, before any decoding.
func checkExpansion(body []byte) error {
	if !bytes.ContainsRune(body, '*') {
		return nil // no alias
	}
	var doc yamlv3.Node
	if err := yamlv3.Unmarshal(body, &doc); err != nil {
		return fmt.Errorf("reading the aliases of a YAML body: %s", brief(err.Error()))
	}
	if (expansion{}).of(&doc) > maxExpanded {
		return fmt.Errorf("expanding the aliases of a YAML body: it takes more than %d bytes; write out less, or send JSON", maxExpanded)
	}
	return nil
}

// expansion holds the sizes of the nodes seen so far. An alias always comes
// after its anchor, so each node is visited once.
type expansion map[*yamlv3.Node]int

// of returns about the size that a node has in JSON, and no more than a little
// over maxExpanded.
func (e expansion) of(node *yamlv3.Node) int {
	if node.Kind == yamlv3.AliasNode {
		return e[node.Alias] // an anchor that contains itself is the parser's to refuse
	}
	size := 1 + len(node.Value)
	for _, child := range node.Content {
		size = min(size+e.of(child), maxExpanded+1)
	}
	if node.Anchor != "" {
		e[node] = size
	}
	return size
}
