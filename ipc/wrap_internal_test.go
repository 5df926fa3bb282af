package ipc

import (
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

var bob = &policy.Principal{UID: 1004, GID: 1004, User: "bob", Groups: []uint32{}}

// wrapping is eyes with bob's keys: one that wraps, and one to wrap.
func wrapping(t *testing.T) *Server {
	t.Helper()
	s := eyes(t)
	for _, c := range []vault.CreateKey{
		{Name: mustName(t, "bob/kek"), Type: "aes-256-kwp", Labels: map[string]string{"for": "bob"}},
		{Name: mustName(t, "bob/data"), Exportable: true},
	} {
		if _, err := s.service.vault.CreateKey(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *Server) grants(t *testing.T, text string) {
	t.Helper()
	if _, err := s.service.rules.add(t.Context(), text, "root", s.service.approvals.now()); err != nil {
		t.Fatal(err)
	}
}

// Wrapping a key is exporting it: what guards the one guards the other, and the
// approval is of the version that was the newest when it was asked for.
func TestWrappingTakesTheRightToExport(t *testing.T) {
	s := wrapping(t)
	wrap := func() *vaultdv1.WrapKeyRequest {
		return &vaultdv1.WrapKeyRequest{Key: "bob/data", WrappingKey: "bob/kek"}
	}
	s.approved(t, bob, vaultdv1.Method_METHOD_WRAP_KEY, wrap(), first)
	if _, err := s.asks(t, bob, vaultdv1.Method_METHOD_EXPORT_KEY, &vaultdv1.ExportKeyRequest{Name: "bob/data"}, nil); err == nil || err.Code != fault.CodeApprovalRequired {
		t.Errorf("approved was wrapping, and it may be exported: %v", err)
	}
	other := wrap()
	other.WrappingKey, other.WrappingPublicKey = "", []byte("another key")
	if _, err := s.asks(t, bob, vaultdv1.Method_METHOD_WRAP_KEY, other, nil); err == nil || err.Code != fault.CodeApprovalRequired {
		t.Errorf("approved was another wrapping key: %v", err)
	}
	rotate := func() {
		if _, err := s.service.vault.RotateKey(t.Context(), vault.RotateKey{Name: mustName(t, "bob/data")}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.asks(t, bob, vaultdv1.Method_METHOD_WRAP_KEY, wrap(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if v := got.(*vaultdv1.WrapKeyResponse).GetVersion(); v != 1 {
		t.Errorf("version %d went out, approved was version 1", v)
	}
	rotate()
	if _, err := s.asks(t, bob, vaultdv1.Method_METHOD_WRAP_KEY, wrap(), nil); err == nil || err.Code != fault.CodeApprovalRequired {
		t.Errorf("a second time, of another version: %v", err)
	}
}

// Each of the two keys takes a right of its own.
func TestTwoKeysTakeTwoRights(t *testing.T) {
	s := wrapping(t)
	w, err := s.service.vault.WrapKey(t.Context(), vault.WrapKey{Key: mustName(t, "bob/data"), Under: mustName(t, "bob/kek")})
	if err != nil {
		t.Fatal(err)
	}
	unwrap := func() message {
		return &vaultdv1.UnwrapKeyRequest{Name: "alice/new", UnwrappingKey: "bob/kek", Wrapped: w.Wrapped, Type: "xaes-256-gcm", Labels: map[string]string{"for": "alice"}}
	}
	refused := func(who *policy.Principal, number vaultdv1.Method, req message, what string) {
		t.Helper()
		if _, err := s.asks(t, who, number, req, nil); err == nil || err.Code != fault.CodePermissionDenied {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused(alice, vaultdv1.Method_METHOD_UNWRAP_KEY, unwrap(), "unwrap with a foreign key")
	s.grants(t, `{"effect":"allow","user":"alice","verbs":["wrap","decrypt"],"keys":["bob/kek"]}`)
	refused(alice, vaultdv1.Method_METHOD_UNWRAP_KEY, unwrap(), "unwrap with the right to wrap")
	refused(alice, vaultdv1.Method_METHOD_WRAP_KEY, &vaultdv1.WrapKeyRequest{Key: "bob/data", WrappingKey: "bob/kek"}, "wrap a foreign key")
	// The label is what the request says of the new key, and not one of the old.
	s.grants(t, `{"effect":"allow","user":"alice","verbs":["unwrap"],"keys":["bob/*"],"labels":["for=alice"]}`)
	refused(alice, vaultdv1.Method_METHOD_UNWRAP_KEY, unwrap(), "unwrap with a key that is said to have a label")
	s.grants(t, `{"effect":"allow","user":"alice","verbs":["unwrap"],"keys":["bob/*"],"labels":["for=bob"]}`)
	refused(bob, vaultdv1.Method_METHOD_UNWRAP_KEY, unwrap(), "a key in a foreign namespace")
	got, failure := s.asks(t, alice, vaultdv1.Method_METHOD_UNWRAP_KEY, unwrap(), nil)
	if failure != nil {
		t.Fatal(failure)
	}
	if k := got.(*vaultdv1.UnwrapKeyResponse).GetKey(); k.GetExportable() || k.GetName() != "alice/new" {
		t.Errorf("%v", k)
	}
}

// Whoever may sign may have a certificate, and nobody else.
func TestCertificatesTakeTheRightToSign(t *testing.T) {
	s := wrapping(t)
	if _, err := s.service.vault.CreateKey(t.Context(), vault.CreateKey{Name: mustName(t, "bob/web"), Type: "ed25519", Uses: keytype.UseSign}); err != nil {
		t.Fatal(err)
	}
	subject := &vaultdv1.CertificateName{CommonName: "web"}
	asks := map[vaultdv1.Method]message{
		vaultdv1.Method_METHOD_CREATE_CSR:         &vaultdv1.CreateCSRRequest{Key: "bob/web", Subject: subject},
		vaultdv1.Method_METHOD_CREATE_CERTIFICATE: &vaultdv1.CreateCertificateRequest{Key: "bob/web", Subject: subject},
	}
	s.grants(t, `{"effect":"allow","user":"alice","verbs":["verify","read","encrypt"],"keys":["bob/web"]}`)
	for number, req := range asks {
		if _, err := s.asks(t, alice, number, req, nil); err == nil || err.Code != fault.CodePermissionDenied {
			t.Errorf("%v without the right to sign: %v", number, err)
		}
	}
	s.grants(t, `{"effect":"allow","user":"alice","verbs":["sign"],"keys":["bob/web"]}`)
	for number, req := range asks {
		if _, err := s.asks(t, alice, number, req, nil); err != nil {
			t.Errorf("%v with the right to sign: %v", number, err)
		}
	}
	s.grants(t, `{"effect":"deny","user":"alice","verbs":["sign"],"keys":["bob/*"]}`)
	for number, req := range asks {
		if _, err := s.asks(t, alice, number, req, nil); err == nil || err.Code != fault.CodePermissionDenied {
			t.Errorf("%v with a deny of signing: %v", number, err)
		}
	}
}
