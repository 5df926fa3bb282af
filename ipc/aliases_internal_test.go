package ipc

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// makesName are the fields that name what the request makes, or an alias itself, or
// are a pattern.
var makesName = map[string]bool{
	"CreateKeyRequest.name": true, "ImportKeyRequest.name": true, "ListKeysRequest.name": true, "UnwrapKeyRequest.name": true,
	"OfferExchangeRequest.session_key": true, "AcceptExchangeRequest.session_key": true,
	"SetAliasRequest.name": true, "SetAliasRequest.key": true, // an alias of an alias is refused
	"ListAliasesRequest.name": true, "ListAliasesRequest.key": true, "RemoveAliasRequest.name": true,
}

// A request that names a key may name an alias. One that comes to the table later
// has to say so.
func TestEveryRequestThatNamesAKeyTakesAnAlias(t *testing.T) {
	fieldsOfKeys := map[protoreflect.Name]bool{
		"key": true, "to_key": true, "wrapping_key": true, "unwrapping_key": true, "signing_key": true, "session_key": true, "subject": true,
	}
	for _, m := range methods {
		req := m.newRequest()
		r := req.(proto.Message).ProtoReflect()
		for i := range r.Descriptor().Fields().Len() {
			f := r.Descriptor().Fields().Get(i)
			if f.Kind() != protoreflect.StringKind || f.IsList() || f.IsMap() {
				continue
			}
			field := string(r.Descriptor().Name()) + "." + string(f.Name())
			if makesName[field] || !fieldsOfKeys[f.Name()] && (f.Name() != "name" || !namesAKey(m)) {
				continue
			}
			r.Set(f, protoreflect.ValueOfString("alice/current"))
			found := false
			first, second := keysNamed(req)
			for _, p := range []*string{first, second} {
				found = found || p != nil && *p == "alice/current"
			}
			if !found {
				t.Errorf("%s names a key, and takes no alias (see keysNamed)", field)
			}
			r.Clear(f)
		}
	}
}

// namesAKey reports whether the name in m's requests is that of a key.
func namesAKey(m *method) bool {
	req := m.newRequest()
	r := req.(proto.Message).ProtoReflect()
	name := r.Descriptor().Fields().ByName("name")
	r.Set(name, protoreflect.ValueOfString("alice/k"))
	var t targets
	return m.targets(nil, nil, req, &t) == nil && t.resources[0].Key == "k"
}
