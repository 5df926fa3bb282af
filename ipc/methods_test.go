package ipc

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/policy"
)

// TestEveryMethodHasARow compares the table with the .proto, its Method
// enumeration and the action table.
func TestEveryMethodHasARow(t *testing.T) {
	rpcs := vaultdv1.File_vaultd_v1_vaultd_proto.Services().ByName("VaultService").Methods()
	rows := make(map[string]*method)
	for _, m := range methods {
		if rows[m.name] != nil {
			t.Errorf("%s has two rows", m.name)
		}
		rows[m.name] = m
	}
	if len(rows) != rpcs.Len() {
		t.Errorf("%d rows for %d methods", len(rows), rpcs.Len())
	}
	for i := range rpcs.Len() {
		rpc := rpcs.Get(i)
		name := string(rpc.Name())
		m := rows[name]
		if m == nil {
			t.Errorf("%s has no row", name)
			continue
		}
		if methodByNumber(m.number) != m {
			t.Errorf("%s is not found by its number %d", name, m.number)
		}
		number := vaultdv1.Method(m.number)
		if want := vaultdv1.Method_name[int32(number)]; normal(want) != normal("METHOD_"+name) {
			t.Errorf("%s has the number of %s", name, want)
		}
		rule, ok := policy.ForMethod(name)
		if !ok || rule.Action != m.action || m.action == "" {
			t.Errorf("%s has action %q, the action table says %q", name, m.action, rule.Action)
		}
		if got := m.newRequest().(proto.Message).ProtoReflect().Descriptor(); got != rpc.Input() {
			t.Errorf("%s takes %s, the table says %s", name, rpc.Input().Name(), got.Name())
		}
	}
	for _, n := range []uint16{0, 255, 256, 65535} {
		if m := methodByNumber(n); m != nil {
			t.Errorf("number %d is %s", n, m.name)
		}
	}
}

func normal(name string) string {
	return string(bytes.ToUpper(bytes.ReplaceAll([]byte(name), []byte("_"), nil)))
}

// TestEverySecretIsWiped fills every field of every request and response whose
// name says that it is secret, and looks whether wipe finds it.
func TestEverySecretIsWiped(t *testing.T) {
	secret := map[protoreflect.Name]bool{
		"password": true, "old_password": true, "new_password": true, "passphrase": true,
		"plaintext": true, "material": true, "output": true,
	}
	found := 0
	rpcs := vaultdv1.File_vaultd_v1_vaultd_proto.Services().ByName("VaultService").Methods()
	for i := range rpcs.Len() {
		for _, d := range []protoreflect.MessageDescriptor{rpcs.Get(i).Input(), rpcs.Get(i).Output()} {
			m := newByName(t, d)
			var filled [][]byte
			for f := range d.Fields().Len() {
				if field := d.Fields().Get(f); secret[field.Name()] {
					if field.Kind() != protoreflect.BytesKind {
						t.Errorf("%s.%s is secret and no bytes", d.Name(), field.Name())
						continue
					}
					b := []byte("secret")
					m.ProtoReflect().Set(field, protoreflect.ValueOfBytes(b))
					filled = append(filled, b)
				}
			}
			wipe(m.(message))
			blank(m.(message))
			if left := m.(message).SizeVT(); left > 0 {
				t.Errorf("%s is not blank: %d bytes are left", d.Name(), left)
			}
			for _, b := range filled {
				found++
				if bytes.Contains(b, []byte("secret")) {
					t.Errorf("%s keeps a secret", d.Name())
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d secrets in the whole API: are the names still right?", found)
	}
}

// TestEveryContextIsCompleted: a request with a context has the caller's own
// values put in before it is decided. Can does it for whom it is asked about.
func TestEveryContextIsCompleted(t *testing.T) {
	pair := (&vaultdv1.ContextPair{}).ProtoReflect().Descriptor().FullName()
	for _, m := range methods {
		req := m.newRequest()
		_, has := req.(contextual)
		fields, found := req.(proto.Message).ProtoReflect().Descriptor().Fields(), false
		for i := range fields.Len() {
			if d := fields.Get(i).Message(); d != nil && d.FullName() == pair {
				found = true
			}
		}
		if has != found {
			t.Errorf("%s has a context by another name", m.name)
		}
		if m.binds != found && m.name != "Can" {
			t.Errorf("%s: context %v, completed %v", m.name, found, m.binds)
		}
	}
}

func newByName(t *testing.T, d protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}
