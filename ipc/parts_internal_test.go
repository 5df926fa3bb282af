package ipc

import (
	"testing"

	"google.golang.org/protobuf/proto"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// What counts as within a number of parts decodes to no more contexts and items.
func FuzzParts(f *testing.F) {
	one, err := proto.Marshal(&vaultdv1.BatchRequest{Items: []*vaultdv1.BatchItem{{}, {Request: &vaultdv1.BatchItem_Encrypt{
		Encrypt: &vaultdv1.EncryptRequest{Key: "a/b", Context: []*vaultdv1.ContextPair{{Name: "n"}, {}}},
	}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one)
	f.Add([]byte{0x0a, 0x00, 0x0a})
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 4
		left := most
		req := new(vaultdv1.BatchRequest)
		if !countParts(b, req.ProtoReflect().Descriptor(), &left) || req.UnmarshalVT(b) != nil {
			return
		}
		parts := len(req.GetItems())
		for _, item := range req.GetItems() {
			parts += len(item.GetEncrypt().GetContext()) + len(item.GetDecrypt().GetContext()) + len(item.GetRewrap().GetToContext())
		}
		if parts > most {
			t.Errorf("%d parts were counted as %d at most", parts, most)
		}
	})
}
