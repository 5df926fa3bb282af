package policy

// Scope says whose decision an action is.
type Scope uint8

// The scopes.
const (
	ScopePublic Scope = 1 + iota // everybody who can reach the socket
	ScopeAdmin                   // administrators
	ScopeOwner                   // the owner of the namespace, and administrators
)

// The actions, named as they appear in logs.
const (
	Status         Action = "vault.status"
	Init           Action = "vault.init"
	Unseal         Action = "vault.unseal"
	Seal           Action = "vault.seal"
	ChangePassword Action = "vault.change_password"

	CreateKey  Action = "key.create"
	ShowKey    Action = "key.show"
	ListKeys   Action = "key.list"
	PublicKey  Action = "key.public"
	RotateKey  Action = "key.rotate"
	ImportKey  Action = "key.import"
	ExportKey  Action = "key.export"
	DestroyKey Action = "key.destroy"
	RevokeKey  Action = "key.revoke"

	Encrypt   Action = "key.encrypt"
	Decrypt   Action = "key.decrypt"
	Sign      Action = "key.sign"
	Verify    Action = "key.verify"
	MAC       Action = "key.mac"
	VerifyMAC Action = "key.verify_mac"
	Agree     Action = "key.agree"

	OfferExchange  Action = "exchange.offer"
	AcceptExchange Action = "exchange.accept"
	FinishExchange Action = "exchange.finish"

	CreateOwner    Action = "owner.create"
	ShowOwner      Action = "owner.show"
	ListOwners     Action = "owner.list"
	RevokeOwner    Action = "owner.revoke"
	ReinstateOwner Action = "owner.reinstate"

	ListRevocations Action = "revocation.list"
	CheckRevocation Action = "revocation.check"
)

// Rule is one row of the action table.
type Rule struct {
	Action Action
	Method string // of the service that performs it
	Scope  Scope
}

// table is the one place that says who may do what. An action that is not in
// it is denied to everybody, administrators included.
var table = []Rule{
	{Status, "Status", ScopePublic},
	{Init, "Init", ScopeAdmin},
	{Unseal, "Unseal", ScopeAdmin},
	{Seal, "Seal", ScopeAdmin},
	{ChangePassword, "ChangePassword", ScopeAdmin},

	{CreateKey, "CreateKey", ScopeOwner},
	{ShowKey, "ShowKey", ScopeOwner},
	{ListKeys, "ListKeys", ScopeOwner},
	{PublicKey, "PublicKey", ScopeOwner},
	{RotateKey, "RotateKey", ScopeOwner},
	{ImportKey, "ImportKey", ScopeOwner},
	{ExportKey, "ExportKey", ScopeOwner},
	{DestroyKey, "DestroyKey", ScopeOwner},
	{RevokeKey, "RevokeKey", ScopeOwner},

	{Encrypt, "Encrypt", ScopeOwner},
	{Decrypt, "Decrypt", ScopeOwner},
	{Sign, "Sign", ScopeOwner},
	{Verify, "Verify", ScopeOwner},
	{MAC, "MAC", ScopeOwner},
	{VerifyMAC, "VerifyMAC", ScopeOwner},
	{Agree, "Agree", ScopeOwner},

	{OfferExchange, "OfferExchange", ScopeOwner},
	{AcceptExchange, "AcceptExchange", ScopeOwner},
	{FinishExchange, "FinishExchange", ScopeOwner},

	{CreateOwner, "CreateOwner", ScopeAdmin},
	{ShowOwner, "ShowOwner", ScopeOwner},
	{ListOwners, "ListOwners", ScopeOwner},
	{RevokeOwner, "RevokeOwner", ScopeAdmin},
	{ReinstateOwner, "ReinstateOwner", ScopeAdmin},

	{ListRevocations, "ListRevocations", ScopeOwner},
	{CheckRevocation, "CheckRevocation", ScopeOwner},
}

var byAction, byMethod = func() (map[Action]Rule, map[string]Rule) {
	a, m := make(map[Action]Rule, len(table)), make(map[string]Rule, len(table))
	for _, r := range table {
		a[r.Action], m[r.Method] = r, r
	}
	return a, m
}()

// Rules is a copy of the action table, in its order.
func Rules() []Rule { return append([]Rule(nil), table...) }

// ForMethod is the row of the service's method of that name.
func ForMethod(method string) (Rule, bool) {
	r, ok := byMethod[method]
	return r, ok
}
