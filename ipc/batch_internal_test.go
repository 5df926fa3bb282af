package ipc

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// Every kind of item that the .proto has is known here: it has a method, its
// answer has a place, and the secrets of both are wiped.
func TestEveryItemOfABatchIsKnown(t *testing.T) {
	secret := func(m protoreflect.Message) (filled [][]byte) {
		for i := range m.Descriptor().Fields().Len() {
			switch f := m.Descriptor().Fields().Get(i); f.Name() {
			case "plaintext", "output":
				b := []byte("secret")
				m.Set(f, protoreflect.ValueOfBytes(b))
				filled = append(filled, b)
			}
		}
		return filled
	}
	items := (&vaultdv1.BatchItem{}).ProtoReflect().Descriptor().Fields()
	for i := range items.Len() {
		f := items.Get(i)
		item := new(vaultdv1.BatchItem)
		inner := item.ProtoReflect().Mutable(f).Message()
		filled := secret(inner)
		number, req := itemOf(item)
		m := methodByNumber(uint16(number))
		if m == nil || req == nil || req.(proto.Message).ProtoReflect().Descriptor() != m.newRequest().(proto.Message).ProtoReflect().Descriptor() {
			t.Errorf("item %s calls %v", f.Name(), number)
			continue
		}
		wipe(&vaultdv1.BatchRequest{Items: []*vaultdv1.BatchItem{item, {}}})

		result := new(vaultdv1.BatchResult)
		answered := result.ProtoReflect().Descriptor().Fields().ByName(f.Name())
		if answered == nil || answered.Number() != f.Number() {
			t.Errorf("item %s has no result of that number", f.Name())
			continue
		}
		answer := result.ProtoReflect().Mutable(answered).Message()
		filled = append(filled, secret(answer)...)
		again := new(vaultdv1.BatchResult)
		put(again, answerIn(result))
		if !proto.Equal(again, result) {
			t.Errorf("the answer to %s becomes %v", f.Name(), again)
		}
		wipe(&vaultdv1.BatchResponse{Results: []*vaultdv1.BatchResult{result, {}}})
		for _, b := range filled {
			if bytes.Contains(b, []byte("secret")) {
				t.Errorf("%s keeps a secret", f.Name())
			}
		}
	}
}
