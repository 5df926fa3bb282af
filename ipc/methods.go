package ipc

import (
	"context"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/api/vaultd/v1/vaultdv1connect"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/policy"
)

// message is what every generated request and response can do.
type message interface {
	Reset()
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
	UnmarshalVT([]byte) error
	UnmarshalVTUnsafe([]byte) error // fields point into the bytes
}

// method is one row of the table: everything that the two forms need to know
// of a call. Who may use it is in the action table of package policy.
type method struct {
	number uint16
	name   string
	action policy.Action
	care   care // what it wants of the audit log

	emergency bool // no rate holds it up
	usesKeys  bool // who does it needs the vault unsealed: it puts sealing for idleness off

	fast    bool // takes microseconds: no timer
	slow    bool // may take long: answers before it are sent first
	lists   bool // its answer may be as large as a message may be
	binds   bool // its context is bound to what it encrypts or opens
	aliases bool // its request may point into the read buffer: the service keeps nothing of it

	newRequest func() message
	targets    func(*service, *policy.Principal, message, *targets) error
	first      *method                      // decides on the first of two keys, where that is another action
	expensive  func(*service, message) bool // nil is never
	serve      func(*service, context.Context, message) (message, error)
	handler    func(*Server, []connect.HandlerOption) http.Handler
}

// methods is the table; init of this file's rows fills the index by number.
var methods = []*method{
	row(vaultdv1.Method_METHOD_STATUS, "Status", (*service).Status, wholeVault, fast),
	row(vaultdv1.Method_METHOD_INIT, "Init", (*service).Init, wholeVault, slow, always),
	row(vaultdv1.Method_METHOD_UNSEAL, "Unseal", (*service).Unseal, wholeVault, slow, always),
	row(vaultdv1.Method_METHOD_SEAL, "Seal", (*service).Seal, wholeVault, slow),
	row(vaultdv1.Method_METHOD_CHANGE_PASSWORD, "ChangePassword", (*service).ChangePassword, wholeVault, slow, always),
	row(vaultdv1.Method_METHOD_ADD_SLOT, "AddSlot", (*service).AddSlot, wholeVault, slow, always),
	row(vaultdv1.Method_METHOD_LIST_SLOTS, "ListSlots", (*service).ListSlots, wholeVault),
	row(vaultdv1.Method_METHOD_REMOVE_SLOT, "RemoveSlot", (*service).RemoveSlot, wholeVault, slow, always),
	row(vaultdv1.Method_METHOD_ENTER_SHARE, "EnterShare", (*service).EnterShare, wholeVault, slow, always),
	row(vaultdv1.Method_METHOD_RESET_SHARES, "ResetShares", (*service).ResetShares, wholeVault),

	row(vaultdv1.Method_METHOD_BEGIN_BACKUP, "BeginBackup", (*service).BeginBackup, wholeVault, slow),
	row(vaultdv1.Method_METHOD_READ_BACKUP, "ReadBackup", (*service).ReadBackup, wholeVault, list),
	row(vaultdv1.Method_METHOD_CHECK, "Check", (*service).Check, wholeVault, list),
	row(vaultdv1.Method_METHOD_LIST_BACKUPS, "ListBackups", (*service).ListBackups, wholeVault, list),
	row(vaultdv1.Method_METHOD_SCRUB, "Scrub", (*service).Scrub, wholeVault, slow, always),

	row(vaultdv1.Method_METHOD_CREATE_KEY, "CreateKey", (*service).CreateKey, namedKey, slow, whenPrimes),
	row(vaultdv1.Method_METHOD_SHOW_KEY, "ShowKey", (*service).ShowKey, namedKey),
	row(vaultdv1.Method_METHOD_LIST_KEYS, "ListKeys", (*service).ListKeys, listedOwner, list),
	row(vaultdv1.Method_METHOD_PUBLIC_KEY, "PublicKey", (*service).PublicKey, namedKey),
	row(vaultdv1.Method_METHOD_ROTATE_KEY, "RotateKey", (*service).RotateKey, namedKey, slow, whenPrimes),
	row(vaultdv1.Method_METHOD_IMPORT_KEY, "ImportKey", (*service).ImportKey, namedKey, slow, whenEncrypted),
	row(vaultdv1.Method_METHOD_EXPORT_KEY, "ExportKey", (*service).ExportKey, namedKey, slow, whenEncrypted),
	row(vaultdv1.Method_METHOD_DESTROY_KEY, "DestroyKey", (*service).DestroyKey, namedKey, slow),
	row(vaultdv1.Method_METHOD_REVOKE_KEY, "RevokeKey", (*service).RevokeKey, namedKey, slow),
	row(vaultdv1.Method_METHOD_SUSPEND_KEY, "SuspendKey", (*service).SuspendKey, namedKey, slow),
	row(vaultdv1.Method_METHOD_RESUME_KEY, "ResumeKey", (*service).ResumeKey, namedKey, slow),
	row(vaultdv1.Method_METHOD_UPDATE_KEY, "UpdateKey", (*service).UpdateKey, namedKey, slow),
	row(vaultdv1.Method_METHOD_CANCEL_DESTRUCTION, "CancelDestruction", (*service).CancelDestruction, namedKey, slow),
	row(vaultdv1.Method_METHOD_READ_EVENTS, "ReadEvents", (*service).ReadEvents, wholeVault, list),
	row(vaultdv1.Method_METHOD_TRIM_KEY, "TrimKey", (*service).TrimKey, namedKey, slow),

	row(vaultdv1.Method_METHOD_ENCRYPT, "Encrypt", (*service).Encrypt, usedKey, hot),
	row(vaultdv1.Method_METHOD_DECRYPT, "Decrypt", (*service).Decrypt, decryptingKey, hot),
	row(vaultdv1.Method_METHOD_SIGN, "Sign", (*service).Sign, usedKey, hot),
	row(vaultdv1.Method_METHOD_VERIFY, "Verify", (*service).Verify, usedKey, hot),
	row(vaultdv1.Method_METHOD_MAC, "MAC", (*service).MAC, usedKey, hot),
	row(vaultdv1.Method_METHOD_VERIFY_MAC, "VerifyMAC", (*service).VerifyMAC, usedKey, hot),
	row(vaultdv1.Method_METHOD_AGREE, "Agree", (*service).Agree, usedKey, hot),

	row(vaultdv1.Method_METHOD_REWRAP, "Rewrap", (*service).Rewrap, rewrappingKeys, hot),
	row(vaultdv1.Method_METHOD_GENERATE_DATA_KEY, "GenerateDataKey", (*service).GenerateDataKey, usedKey, slow, whenPrimes),
	row(vaultdv1.Method_METHOD_RANDOM, "Random", (*service).Random, wholeVault, list),
	row(vaultdv1.Method_METHOD_DERIVE, "Derive", (*service).Derive, usedKey, hot),
	row(vaultdv1.Method_METHOD_BATCH, "Batch", (*service).Batch, wholeVault, list, aliased),
	row(vaultdv1.Method_METHOD_FORGET, "Forget", (*service).Forget, usedKey, slow),
	row(vaultdv1.Method_METHOD_KEY_CENSUS, "KeyCensus", (*service).KeyCensus, namedKey),
	row(vaultdv1.Method_METHOD_ENCAPSULATE, "Encapsulate", (*service).Encapsulate, usedKey, hot),
	row(vaultdv1.Method_METHOD_DECAPSULATE, "Decapsulate", (*service).Decapsulate, usedKey, hot),

	row(vaultdv1.Method_METHOD_CREATE_CSR, "CreateCSR", (*service).CreateCSR, usedKey, slow),
	row(vaultdv1.Method_METHOD_CREATE_CERTIFICATE, "CreateCertificate", (*service).CreateCertificate, usedKey, slow),
	row(vaultdv1.Method_METHOD_WRAP_KEY, "WrapKey", (*service).WrapKey, wrappedKey, slow, firstIs(policy.ExportKey)),
	row(vaultdv1.Method_METHOD_UNWRAP_KEY, "UnwrapKey", (*service).UnwrapKey, unwrappedKey, slow, firstIs(policy.ImportKey)),

	row(vaultdv1.Method_METHOD_OFFER_EXCHANGE, "OfferExchange", (*service).OfferExchange, bothKeys, slow),
	row(vaultdv1.Method_METHOD_ACCEPT_EXCHANGE, "AcceptExchange", (*service).AcceptExchange, bothKeys, slow),
	row(vaultdv1.Method_METHOD_FINISH_EXCHANGE, "FinishExchange", (*service).FinishExchange, listedOwner, slow),

	row(vaultdv1.Method_METHOD_SET_ALIAS, "SetAlias", (*service).SetAlias, aliasAndKey, slow),
	row(vaultdv1.Method_METHOD_LIST_ALIASES, "ListAliases", (*service).ListAliases, listedAliases, list),
	row(vaultdv1.Method_METHOD_REMOVE_ALIAS, "RemoveAlias", (*service).RemoveAlias, namedKey, slow),

	row(vaultdv1.Method_METHOD_CREATE_OWNER, "CreateOwner", (*service).CreateOwner, namedOwner, slow),
	row(vaultdv1.Method_METHOD_SHOW_OWNER, "ShowOwner", (*service).ShowOwner, namedOwner),
	row(vaultdv1.Method_METHOD_LIST_OWNERS, "ListOwners", (*service).ListOwners, ownNamespace, list),
	row(vaultdv1.Method_METHOD_REVOKE_OWNER, "RevokeOwner", (*service).RevokeOwner, namedOwner, slow),
	row(vaultdv1.Method_METHOD_REINSTATE_OWNER, "ReinstateOwner", (*service).ReinstateOwner, namedOwner, slow),

	row(vaultdv1.Method_METHOD_LIST_REVOCATIONS, "ListRevocations", (*service).ListRevocations, listedOwner, list),
	row(vaultdv1.Method_METHOD_CHECK_REVOCATION, "CheckRevocation", (*service).CheckRevocation, checkedSubject),

	row(vaultdv1.Method_METHOD_WHO_AM_I, "WhoAmI", (*service).WhoAmI, wholeVault),
	row(vaultdv1.Method_METHOD_CAN, "Can", (*service).Can, wholeVault),
	row(vaultdv1.Method_METHOD_EXPLAIN, "Explain", (*service).Explain, wholeVault),
	row(vaultdv1.Method_METHOD_KEY_STATES, "KeyStates", (*service).KeyStates, wholeVault),
	row(vaultdv1.Method_METHOD_ADD_GRANT, "AddGrant", (*service).AddGrant, wholeVault, slow),
	row(vaultdv1.Method_METHOD_SHOW_GRANT, "ShowGrant", (*service).ShowGrant, wholeVault),
	row(vaultdv1.Method_METHOD_LIST_GRANTS, "ListGrants", (*service).ListGrants, wholeVault, list),
	row(vaultdv1.Method_METHOD_REMOVE_GRANT, "RemoveGrant", (*service).RemoveGrant, wholeVault, slow),

	row(vaultdv1.Method_METHOD_LIST_PRINCIPALS, "ListPrincipals", (*service).ListPrincipals, wholeVault, list),
	row(vaultdv1.Method_METHOD_ADOPT_PRINCIPAL, "AdoptPrincipal", (*service).AdoptPrincipal, decidedPrincipal, slow),
	row(vaultdv1.Method_METHOD_RETIRE_PRINCIPAL, "RetirePrincipal", (*service).RetirePrincipal, decidedPrincipal, slow),

	row(vaultdv1.Method_METHOD_LIST_APPROVALS, "ListApprovals", (*service).ListApprovals, wholeVault, list),
	row(vaultdv1.Method_METHOD_AWAIT_APPROVAL, "AwaitApproval", (*service).AwaitApproval, wholeVault, slow),
	row(vaultdv1.Method_METHOD_APPROVE, "Approve", (*service).Approve, wholeVault, slow),
	row(vaultdv1.Method_METHOD_REJECT, "Reject", (*service).Reject, wholeVault, slow),

	row(vaultdv1.Method_METHOD_READ_AUDIT, "ReadAudit", (*service).ReadAudit, wholeVault, list),
	row(vaultdv1.Method_METHOD_CHECKPOINT_AUDIT, "CheckpointAudit", (*service).CheckpointAudit, wholeVault, slow),
	row(vaultdv1.Method_METHOD_PROVE_AUDIT, "ProveAudit", (*service).ProveAudit, wholeVault, slow),
}

// The generated interface names every method of the .proto: one without a
// method here does not compile, and a test compares the table with it.
var _ vaultdv1connect.VaultServiceHandler = (*service)(nil)

// methodNumbers is more than any method has as its number.
const methodNumbers = 256

var byNumber = func() (index [methodNumbers]*method) {
	for _, m := range methods {
		index[m.number] = m
	}
	return index
}()

func methodByNumber(n uint16) *method {
	if int(n) >= len(byNumber) {
		return nil
	}
	return byNumber[n]
}

func (m *method) procedure() string { return "/" + vaultdv1connect.VaultServiceName + "/" + m.name }

// wipe overwrites the secrets of a request or response.
func (*method) wipe(v message) { wipe(v) }

// usesKeys is true of what works with the material of keys, makes or changes some,
// and of opening the vault. Looking at keys, at the policy and at the audit log is
// not: a program that watches the vault would keep it open for ever.
func usesKeys(rule policy.Rule) bool {
	return rule.Action == policy.Init || rule.Action == policy.Unseal || rule.Set == policy.SetUse || rule.Set == policy.SetManage
}

// The properties of rows.
func fast(m *method) { m.fast = true }
func slow(m *method) { m.slow = true }
func list(m *method) { m.slow, m.lists = true, true }
func hot(m *method)  { m.fast, m.aliases = true, true }

func aliased(m *method) { m.aliases = true }

// firstIs: on the first of its two keys the method does what that action does, and
// is decided on as if it was that.
func firstIs(a policy.Action) func(*method) {
	return func(m *method) {
		as := *m
		as.action = a
		m.first = &as
	}
}

func always(m *method) { m.expensive = func(*service, message) bool { return true } }

// whenEncrypted: a passphrase means a key derivation.
func whenEncrypted(m *method) {
	m.expensive = func(_ *service, req message) bool {
		r, ok := req.(interface{ GetPassphrase() []byte })
		return ok && len(r.GetPassphrase()) > 0
	}
}

// whenPrimes: RSA key generation takes up to seconds, all else microseconds.
func whenPrimes(m *method) {
	m.expensive = func(s *service, req message) bool {
		switch r := req.(type) {
		case *vaultdv1.CreateKeyRequest:
			return strings.HasPrefix(r.GetType(), "rsa-")
		case *vaultdv1.GenerateDataKeyRequest:
			return strings.HasPrefix(r.GetType(), "rsa-")
		case *vaultdv1.RotateKeyRequest:
			name, err := vault.ParseName(r.GetName())
			if err != nil {
				return false
			}
			k, err := s.vault.ShowKey(context.Background(), name)
			return err == nil && strings.HasPrefix(k.Type, "rsa-")
		}
		return false
	}
}

// row makes a row of a service method. The action comes from the action table
// by the method's name; a method that is not there is nobody's.
func row[Req, Resp any, PReq interface {
	*Req
	message
}, PResp interface {
	*Resp
	message
}](
	number vaultdv1.Method, name string,
	serve func(*service, context.Context, PReq) (PResp, error),
	find func(*service, *policy.Principal, PReq, *targets) error,
	properties ...func(*method),
) *method {
	rule, _ := policy.ForMethod(name)
	m := &method{
		number: uint16(number), //nolint:gosec // an enumeration below 256
		name:   name,
		action: rule.Action,
		care:   cares[rule.Action],
		binds:  bindsContext(rule.Action),

		emergency: emergencies[rule.Action],
		usesKeys:  usesKeys(rule),
		newRequest: func() message {
			return PReq(new(Req))
		},
		targets: func(s *service, who *policy.Principal, req message, t *targets) error {
			return find(s, who, req.(PReq), t)
		},
		serve: func(s *service, ctx context.Context, req message) (message, error) {
			resp, err := serve(s, ctx, req.(PReq))
			if err != nil {
				return nil, err
			}
			return resp, nil
		},
	}
	m.handler = func(s *Server, options []connect.HandlerOption) http.Handler {
		return connect.NewUnaryHandlerSimple(m.procedure(), func(ctx context.Context, req *Req) (*Resp, error) {
			ctx, cancel := s.limitTime(ctx, m, 0)
			defer cancel()
			c := callFrom(ctx)
			c.is(c.conn.identify()) // not before: its message may have taken a while
			resp, failure := s.measure(ctx, c, m, PReq(req))
			c.held = append(c.held, PReq(req))
			if failure != nil {
				return nil, toConnect(failure)
			}
			c.held = append(c.held, resp)
			return (*Resp)(resp.(PResp)), nil
		}, options...)
	}
	for _, set := range properties {
		set(m)
	}
	return m
}
