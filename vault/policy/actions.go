package policy

import "slices"

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
	Scrub          Action = "vault.scrub"
	AddSlot        Action = "slot.add"
	ListSlots      Action = "slot.list"
	RemoveSlot     Action = "slot.remove"
	EnterShare     Action = "slot.enter_share"
	ResetShares    Action = "slot.reset_shares"

	BeginBackup Action = "vault.backup"
	ReadBackup  Action = "vault.read_backup"
	Check       Action = "vault.check"
	ListBackups Action = "vault.list_backups"

	CreateKey  Action = "key.create"
	ShowKey    Action = "key.show"
	ListKeys   Action = "key.list"
	PublicKey  Action = "key.public"
	RotateKey  Action = "key.rotate"
	ImportKey  Action = "key.import"
	ExportKey  Action = "key.export"
	DestroyKey Action = "key.destroy"
	RevokeKey  Action = "key.revoke"

	SuspendKey        Action = "key.suspend"
	ResumeKey         Action = "key.resume"
	UpdateKey         Action = "key.update"
	CancelDestruction Action = "key.cancel_destruction"
	TrimKey           Action = "key.trim"
	KeyStates         Action = "key.states"
	ReadEvents        Action = "event.read"

	Encrypt   Action = "key.encrypt"
	Decrypt   Action = "key.decrypt"
	Sign      Action = "key.sign"
	Verify    Action = "key.verify"
	MAC       Action = "key.mac"
	VerifyMAC Action = "key.verify_mac"
	Agree     Action = "key.agree"

	Rewrap          Action = "key.rewrap"
	GenerateDataKey Action = "key.generate_data_key"
	Derive          Action = "key.derive"
	Forget          Action = "key.forget"
	KeyCensus       Action = "key.census"
	Batch           Action = "key.batch"
	Random          Action = "vault.random"
	Encapsulate     Action = "key.encapsulate"
	Decapsulate     Action = "key.decapsulate"

	CreateCSR         Action = "key.csr"
	CreateCertificate Action = "key.certificate"
	WrapKey           Action = "key.wrap"
	UnwrapKey         Action = "key.unwrap"

	OfferExchange  Action = "exchange.offer"
	AcceptExchange Action = "exchange.accept"
	FinishExchange Action = "exchange.finish"

	SetAlias    Action = "alias.set"
	ListAliases Action = "alias.list"
	RemoveAlias Action = "alias.remove"

	CreateOwner    Action = "owner.create"
	ShowOwner      Action = "owner.show"
	ListOwners     Action = "owner.list"
	RevokeOwner    Action = "owner.revoke"
	ReinstateOwner Action = "owner.reinstate"

	ListRevocations Action = "revocation.list"
	CheckRevocation Action = "revocation.check"

	WhoAmI      Action = "policy.whoami"
	Can         Action = "policy.can"
	Explain     Action = "policy.explain"
	AddGrant    Action = "grant.add"
	ShowGrant   Action = "grant.show"
	ListGrants  Action = "grant.list"
	RemoveGrant Action = "grant.remove"

	ListPrincipals  Action = "principal.list"
	AdoptPrincipal  Action = "principal.adopt"
	RetirePrincipal Action = "principal.retire"

	ListApprovals Action = "approval.list"
	AwaitApproval Action = "approval.await"
	Approve       Action = "approval.approve"
	Reject        Action = "approval.reject"

	ReadAudit       Action = "audit.read"
	CheckpointAudit Action = "audit.checkpoint"
	ProveAudit      Action = "audit.prove"
)

// Rule is one row of the action table.
type Rule struct {
	Action Action
	Method string // of the service that performs it
	Scope  Scope

	// Verb is the action's name in a grant, empty for an action that no grant
	// can give or take.
	Verb string
	Set  string // the set of verbs that it is in: "use", "read" or "manage"; empty for none
	// Dangerous actions give material away, end it for good, or change who may.
	// They can be put under four eyes.
	Dangerous bool
}

// The sets of verbs.
const (
	SetUse    = "use"    // work with a key's material
	SetRead   = "read"   // learn of keys
	SetManage = "manage" // make, change and end keys
)

// Verbs of more than one action.
const (
	verbSign         = "sign"          // a message, a request for a certificate, and a certificate
	verbDestroy      = "destroy"       // a key or its old versions, and an owner with all its keys
	verbChangePolicy = "change_policy" // adding and removing a grant in the vault
)

// table is the one place that says who may do what. An action that is not in
// it is denied to everybody, administrators included.
var table = []Rule{
	{Action: Status, Method: "Status", Scope: ScopePublic},
	{Action: Init, Method: "Init", Scope: ScopeAdmin},
	{Action: Unseal, Method: "Unseal", Scope: ScopeAdmin},
	{Action: Seal, Method: "Seal", Scope: ScopeAdmin},
	{Action: ChangePassword, Method: "ChangePassword", Scope: ScopeAdmin},
	{Action: Scrub, Method: "Scrub", Scope: ScopeAdmin},
	{Action: AddSlot, Method: "AddSlot", Scope: ScopeAdmin},
	{Action: ListSlots, Method: "ListSlots", Scope: ScopeAdmin},
	{Action: RemoveSlot, Method: "RemoveSlot", Scope: ScopeAdmin},
	{Action: EnterShare, Method: "EnterShare", Scope: ScopeAdmin},
	{Action: ResetShares, Method: "ResetShares", Scope: ScopeAdmin},

	{Action: BeginBackup, Method: "BeginBackup", Scope: ScopeAdmin},
	{Action: ReadBackup, Method: "ReadBackup", Scope: ScopeAdmin},
	{Action: Check, Method: "Check", Scope: ScopeAdmin},
	{Action: ListBackups, Method: "ListBackups", Scope: ScopeAdmin},

	{CreateKey, "CreateKey", ScopeOwner, "create", SetManage, false},
	{ShowKey, "ShowKey", ScopeOwner, "show", SetRead, false},
	{ListKeys, "ListKeys", ScopeOwner, "list", SetRead, false},
	{PublicKey, "PublicKey", ScopeOwner, "public", SetRead, false},
	{RotateKey, "RotateKey", ScopeOwner, "rotate", SetManage, false},
	{ImportKey, "ImportKey", ScopeOwner, "import", SetManage, false},
	{ExportKey, "ExportKey", ScopeOwner, "export", SetManage, true},
	{DestroyKey, "DestroyKey", ScopeOwner, verbDestroy, SetManage, true},
	// Not dangerous: in an emergency nobody should wait for a second person.
	{RevokeKey, "RevokeKey", ScopeOwner, "revoke", SetManage, false},
	// Not dangerous either: it stops at once, and can be undone.
	{SuspendKey, "SuspendKey", ScopeOwner, "suspend", SetManage, false},
	// What an administrator suspended or is to be destroyed the vault keeps from others.
	{ResumeKey, "ResumeKey", ScopeOwner, "resume", SetManage, false},
	{UpdateKey, "UpdateKey", ScopeOwner, "update", SetManage, false},
	{CancelDestruction, "CancelDestruction", ScopeOwner, "cancel_destruction", SetManage, false},
	// It destroys versions: who may not destroy, or not alone, may not trim.
	{TrimKey, "TrimKey", ScopeOwner, verbDestroy, SetManage, true},
	{Action: KeyStates, Method: "KeyStates", Scope: ScopePublic},
	// Of each event the service decides who is told of it: who may show its key.
	{Action: ReadEvents, Method: "ReadEvents", Scope: ScopePublic},

	{Encrypt, "Encrypt", ScopeOwner, "encrypt", SetUse, false},
	{Decrypt, "Decrypt", ScopeOwner, "decrypt", SetUse, false},
	{Sign, "Sign", ScopeOwner, verbSign, SetUse, false},
	{Verify, "Verify", ScopeOwner, "verify", SetUse, false},
	{MAC, "MAC", ScopeOwner, "mac", SetUse, false},
	{VerifyMAC, "VerifyMAC", ScopeOwner, "verify_mac", SetUse, false},
	{Agree, "Agree", ScopeOwner, "agree", SetUse, false},
	// Of a ciphertext to the newest version of its key. To another key, or with
	// another context, it is decrypting with the one and encrypting with the other.
	{Rewrap, "Rewrap", ScopeOwner, "rewrap", SetUse, false},
	{GenerateDataKey, "GenerateDataKey", ScopeOwner, "generate_data_key", SetUse, false},
	{Derive, "Derive", ScopeOwner, "derive", SetUse, false},
	// More than use: what nobody is known to need any more can be destroyed.
	{Forget, "Forget", ScopeOwner, "forget", SetManage, false},
	{KeyCensus, "KeyCensus", ScopeOwner, "census", SetRead, false},
	// What is in a batch is decided one by one. Random bytes are nobody's.
	{Action: Batch, Method: "Batch", Scope: ScopePublic},
	{Action: Random, Method: "Random", Scope: ScopePublic},
	{Encapsulate, "Encapsulate", ScopeOwner, "encapsulate", SetUse, false},
	{Decapsulate, "Decapsulate", ScopeOwner, "decapsulate", SetUse, false},

	// Whoever may sign could make both alone.
	{CreateCSR, "CreateCSR", ScopeOwner, verbSign, SetUse, false},
	{CreateCertificate, "CreateCertificate", ScopeOwner, verbSign, SetUse, false},
	// Of the key that wraps or unwraps. The other is exported or imported.
	{WrapKey, "WrapKey", ScopeOwner, "wrap", SetUse, false},
	{UnwrapKey, "UnwrapKey", ScopeOwner, "unwrap", SetUse, false},

	// An exchange stores a new key, so it is more than use.
	{OfferExchange, "OfferExchange", ScopeOwner, "offer", SetManage, false},
	{AcceptExchange, "AcceptExchange", ScopeOwner, "accept", SetManage, false},
	{FinishExchange, "FinishExchange", ScopeOwner, "finish", SetManage, false},

	// Of the alias and of the key that it comes to point to. The use of an alias is
	// that of its key.
	{SetAlias, "SetAlias", ScopeOwner, "set_alias", SetManage, false},
	{ListAliases, "ListAliases", ScopeOwner, "list_aliases", SetRead, false},
	{RemoveAlias, "RemoveAlias", ScopeOwner, "remove_alias", SetManage, false},

	{Action: CreateOwner, Method: "CreateOwner", Scope: ScopeAdmin},
	{ShowOwner, "ShowOwner", ScopeOwner, "show_owner", SetRead, false},
	{ListOwners, "ListOwners", ScopeOwner, "list_owners", SetRead, false},
	// It destroys every key of the owner: a deny of that is one of this. No grant gives it.
	{RevokeOwner, "RevokeOwner", ScopeAdmin, verbDestroy, "", true},
	{Action: ReinstateOwner, Method: "ReinstateOwner", Scope: ScopeAdmin},

	{ListRevocations, "ListRevocations", ScopeOwner, "list_revocations", SetRead, false},
	{CheckRevocation, "CheckRevocation", ScopeOwner, "check_revocation", SetRead, false},

	// Everybody may ask about itself; of others only administrators are told.
	{Action: WhoAmI, Method: "WhoAmI", Scope: ScopePublic},
	{Action: Can, Method: "Can", Scope: ScopePublic},
	{Action: Explain, Method: "Explain", Scope: ScopePublic},
	// One verb for both, and in no set: a grant can take it from administrators'
	// groups, and give it to nobody.
	{AddGrant, "AddGrant", ScopeAdmin, verbChangePolicy, "", true},
	{Action: ShowGrant, Method: "ShowGrant", Scope: ScopeAdmin},
	{Action: ListGrants, Method: "ListGrants", Scope: ScopeAdmin},
	{RemoveGrant, "RemoveGrant", ScopeAdmin, verbChangePolicy, "", true},

	{Action: ListPrincipals, Method: "ListPrincipals", Scope: ScopeAdmin},
	{Action: AdoptPrincipal, Method: "AdoptPrincipal", Scope: ScopeAdmin},
	{Action: RetirePrincipal, Method: "RetirePrincipal", Scope: ScopeAdmin},

	// Whose requests one sees is decided by the service: administrators all, others their own.
	{Action: ListApprovals, Method: "ListApprovals", Scope: ScopePublic},
	{Action: AwaitApproval, Method: "AwaitApproval", Scope: ScopePublic},
	{Action: Approve, Method: "Approve", Scope: ScopeAdmin},
	{Action: Reject, Method: "Reject", Scope: ScopeAdmin},

	{Action: ReadAudit, Method: "ReadAudit", Scope: ScopeAdmin},
	{Action: CheckpointAudit, Method: "CheckpointAudit", Scope: ScopeAdmin},
	{Action: ProveAudit, Method: "ProveAudit", Scope: ScopeAdmin},
}

// verbs is a set of actions, one bit for each that has a verb.
type verbs uint64

// row is a Rule with what decisions need beside it.
type row struct {
	Rule
	bit verbs // zero when no grant is about it
}

var byAction, byMethod, byVerb = func() (map[Action]row, map[string]Rule, map[string]verbs) {
	a, m, v := make(map[Action]row, len(table)), make(map[string]Rule, len(table)), make(map[string]verbs)
	next := verbs(1)
	for _, r := range table {
		var bit verbs
		if r.Verb != "" {
			bit, next = next, next<<1
			v[r.Verb] |= bit
			v[string(r.Action)] = bit
			if r.Set != "" {
				v[r.Set] |= bit
			}
		}
		a[r.Action], m[r.Method] = row{r, bit}, r
	}
	return a, m, v
}()

// Rules is a copy of the action table, in its order.
func Rules() []Rule { return append([]Rule(nil), table...) }

// ForMethod is the row of the service's method of that name.
func ForMethod(method string) (Rule, bool) {
	r, ok := byMethod[method]
	return r, ok
}

// ForVerb is the row of the action of that name, which is a verb ("encrypt")
// or the action as logs name it ("key.encrypt", "vault.seal"). Of two actions
// that share a verb it is the first.
func ForVerb(name string) (Rule, bool) {
	for _, r := range table {
		if name != "" && (r.Verb == name || string(r.Action) == name) {
			return r, true
		}
	}
	return Rule{}, false
}

// Verbs are the names that a grant may use: the sets first, then the verbs in
// the order of the table.
func Verbs() []string {
	names := []string{SetUse, SetRead, SetManage}
	return append(names, (^verbs(0)).names()...)
}

// names are the verbs in v, in the order of the table.
func (v verbs) names() []string {
	var names []string
	for _, r := range table {
		if byAction[r.Action].bit&v != 0 && !slices.Contains(names, r.Verb) {
			names = append(names, r.Verb)
		}
	}
	return names
}

// ofPolicy are the actions that change the policy, and are about the vault itself.
var ofPolicy = byVerb[verbChangePolicy]

// onlyDenied are the administrators' own actions, which no grant gives.
var onlyDenied = ofPolicy | byVerb[string(RevokeOwner)]

// dangerous is every action that four eyes can guard.
var dangerous = func() (v verbs) {
	for _, r := range table {
		if r.Dangerous {
			v |= byAction[r.Action].bit
		}
	}
	return v
}()
