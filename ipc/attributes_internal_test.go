package ipc

import (
	"fmt"
	"strings"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/policy"
)

// What a request may not have is not kept for those who were denied: a thousand
// requests of a megabyte would stay in memory.
func TestDenialsKeepNoMoreThanARequestMayHave(t *testing.T) {
	s := &Server{policy: &policy.Policy{}}
	s.service = &service{policy: s.policy}
	many := make([]*vaultdv1.ContextPair, 1000)
	for i := range many {
		many[i] = &vaultdv1.ContextPair{Name: fmt.Sprint(i)}
	}
	labels := make(map[string]string)
	for i := range 65 {
		labels[fmt.Sprint(i)] = ""
	}
	large := strings.Repeat("x", 10<<10)
	for _, c := range []struct {
		number vaultdv1.Method
		req    message
	}{
		{vaultdv1.Method_METHOD_ENCRYPT, &vaultdv1.EncryptRequest{Context: many}},
		{vaultdv1.Method_METHOD_DECRYPT, &vaultdv1.DecryptRequest{Context: []*vaultdv1.ContextPair{{Name: "a", Value: large}}}},
		{vaultdv1.Method_METHOD_CREATE_KEY, &vaultdv1.CreateKeyRequest{Type: large}},
		{vaultdv1.Method_METHOD_CREATE_KEY, &vaultdv1.CreateKeyRequest{Labels: labels}},
		{vaultdv1.Method_METHOD_CREATE_KEY, &vaultdv1.CreateKeyRequest{Labels: map[string]string{"a": large}}},
		{vaultdv1.Method_METHOD_IMPORT_KEY, &vaultdv1.ImportKeyRequest{Type: "ed25519", Labels: map[string]string{large: ""}}},
	} {
		call := &call{who: alice}
		if at := s.service.attributes(call, methodByNumber(uint16(c.number)), c.req, policy.Resource{Owner: "bob", Key: "k"}); at != nil {
			t.Errorf("%v: %d pairs and %d labels are kept", c.number, len(at.Context), len(at.Labels))
		}
		if n := cap(call.room.at.Context); n > 1024 {
			t.Errorf("%v: the connection keeps room for %d pairs", c.number, n)
		}
	}
}
