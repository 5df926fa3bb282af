package ipc

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// rules keep one set of grants in force: those of policy files, and while the
// vault is unsealed also those that it keeps. A set is made whole before it
// replaces the one in force, so that there is no moment without one.
type rules struct {
	policy    *policy.Policy
	vault     *vault.Vault
	log       *slog.Logger
	trail     *trail // nil without an audit log
	processes *processes
	findGroup groupFinder

	// problem is why the newest policy files are not in force, nil when they
	// are. It is written under mu, and read without: Status waits for no commit.
	problem atomic.Pointer[string]

	mu     sync.Mutex // guards what follows, and is held while a set is made and installed
	files  []policy.Grant
	kept   []policy.Grant // of the vault; none while sealed
	over   []policy.Grant // out of force, their processes having ended, and still in the vault
	uses   *policy.Uses
	groups map[string]group // that the set in force was made with
}

// groupFinder finds a group of the machine. Its error says that nobody can tell.
type groupFinder func(name string) (gid uint32, found bool, err error)

// group is what was found of one.
type group struct {
	gid   uint32
	found bool
}

func newRules(p *policy.Policy, v *vault.Vault, log *slog.Logger) *rules {
	r := &rules{policy: p, vault: v, log: log, findGroup: findGroup, uses: new(policy.Uses)}
	r.processes = newProcesses(r.processEnded)
	return r
}

// ruleSet is a set and what it was made of.
type ruleSet struct {
	set         *policy.Set
	files, kept []policy.Grant
	uses        *policy.Uses
	groups      map[string]group
}

func (r *rules) compile(files, kept []policy.Grant, uses *policy.Uses, find groupFinder) (ruleSet, error) {
	made := ruleSet{files: files, kept: kept, uses: uses, groups: make(map[string]group)}
	noted := func(name string) (uint32, bool, error) {
		gid, found, err := find(name)
		if err == nil {
			made.groups[name] = group{gid, found}
		}
		return gid, found, err
	}
	var err error
	made.set, err = policy.Compile(slices.Concat(files, kept), policy.Machine{GroupID: noted, KeyType: isKeyType, Uses: uses})
	return made, err
}

// install makes a set and puts it in force. The caller holds r.mu.
func (r *rules) install(files, kept []policy.Grant, uses *policy.Uses) error {
	made, err := r.compile(files, kept, uses, r.findGroup)
	if err == nil {
		r.put(made)
	}
	return err
}

// reduce puts fewer grants of the vault in force. An account database that does
// not answer can't keep a grant in force that is taken away: groups that it says
// nothing of stay what they were. The caller holds r.mu.
func (r *rules) reduce(kept []policy.Grant, uses *policy.Uses) error {
	made, err := r.compile(r.files, kept, uses, func(name string) (uint32, bool, error) {
		gid, found, err := r.findGroup(name)
		if g, known := r.groups[name]; err != nil && known {
			return g.gid, g.found, nil
		}
		return gid, found, err
	})
	if err == nil {
		r.put(made)
	}
	return err
}

// put puts a set in force. The caller holds r.mu.
func (r *rules) put(made ruleSet) {
	before := r.policy.Set()
	r.policy.Install(made.set)
	files, kept := made.files, made.kept
	r.files, r.kept, r.uses, r.groups = files, kept, made.uses, made.groups
	now := r.policy.Set()
	r.keepProcesses()
	if before == nil || before.Generation() != now.Generation() {
		hash := now.Hash()
		r.log.Info("policy in force", "generation", now.Generation(), "hash", hex.EncodeToString(hash[:]),
			"file_grants", len(files), "vault_grants", len(kept))
		for _, w := range now.Warnings() {
			r.log.Warn("policy", "warning", w.Error())
		}
	}
}

// findGroup finds a group. Only an answer that there is none counts as one.
func findGroup(name string) (uint32, bool, error) {
	g, err := user.LookupGroup(name)
	var unknown user.UnknownGroupError
	if errors.As(err, &unknown) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	gid, err := strconv.ParseUint(g.Gid, 10, 32)
	return uint32(gid), err == nil, err
}

func isKeyType(name string) bool {
	_, ok := keytype.Lookup(name)
	return ok
}

// fromFiles puts the grants of policy files in force in place of those before.
func (r *rules) fromFiles(grants []policy.Grant) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.install(grants, r.kept, r.uses); err != nil {
		r.fail(err)
		return err
	}
	r.problem.Store(nil)
	return nil
}

// failed notes that the policy files can't be used: those before stay in force.
func (r *rules) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail(err)
}

func (r *rules) fail(err error) {
	why := err.Error()
	if before := r.problem.Load(); before == nil || *before != why {
		r.log.Error("policy files not taken: the last good policy stays in force", "err", err)
	}
	r.problem.Store(&why)
}

// fromVault takes the grants that the vault keeps, before it is unsealed, and
// drops them, told nil, after it was sealed.
func (r *rules) fromVault(k *vault.PolicyRecords) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k == nil {
		r.over = nil
		return r.reduce(nil, new(policy.Uses))
	}
	counted, err := policy.NewUses(&useStore{vault: r.vault, saved: k.Uses})
	if err != nil {
		return err
	}
	kept := make([]policy.Grant, 0, len(k.Grants))
	var over []policy.Grant
	for _, g := range k.Grants {
		var one policy.Grant
		if err := json.Unmarshal(g.Body, &one); err != nil || one.ID != g.ID {
			return fault.E(fault.CodeStoreCorrupt, "grant %s in the vault can't be read", g.ID)
		}
		if one.Process != nil {
			if err := r.processes.hold(*one.Process); errors.Is(err, errProcessGone) {
				over = append(over, one)
				continue
			} else if err != nil { // it may live: the grant stays in the vault
				r.log.Error("a grant is not in force: its process can't be watched", "grant", one.ID, "err", err)
				continue
			}
		}
		kept = append(kept, one)
	}
	if err := r.install(r.files, kept, counted); err != nil {
		r.keepProcesses()
		return fault.E(fault.CodeBusy, "the grants in the vault can't be put in force").
			WithHint("the daemon's log says why; mend it, or try again in a moment").Because(err)
	}
	r.over = over
	return nil
}

// flush saves the uses that are not saved yet.
func (r *rules) flush() {
	r.mu.Lock()
	r.removeOver()
	uses := r.uses
	r.mu.Unlock()
	if err := uses.Flush(); err != nil && !errors.Is(err, fault.ErrSealed) {
		r.log.Warn("uses of grants were not saved", "err", err)
	}
}

// add checks a grant, keeps it in the vault and puts it in force.
func (r *rules) add(ctx context.Context, text, by string, now time.Time) (policy.Grant, error) {
	g, err := newGrant(text)
	if err != nil {
		return policy.Grant{}, err
	}
	g.Source = policy.Source{By: by, At: now.UTC().Truncate(time.Second)}
	body, err := json.Marshal(g)
	if err != nil {
		return policy.Grant{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := append(slices.Clone(r.kept), g)
	// What can't be put in force is not kept, and what is kept is in force.
	made, err := r.compile(r.files, kept, r.uses, r.findGroup)
	if err != nil {
		r.uses.Forget(g.ID)
		return policy.Grant{}, fault.E(fault.CodeBadArgument, "%v", err)
	}
	if g.Process != nil {
		defer r.keepProcesses() // of what is in force by then
		if err := r.processes.hold(*g.Process); errors.Is(err, errProcessGone) {
			return policy.Grant{}, fault.E(fault.CodeBadArgument, "process: process %d has just ended", g.Process.PID)
		} else if err != nil {
			return policy.Grant{}, err
		}
	}
	if err := r.vault.AddGrant(ctx, vault.Kept{ID: g.ID, Body: body}); err != nil {
		r.uses.Forget(g.ID)
		return policy.Grant{}, err
	}
	r.put(made)
	return g, nil
}

// close stops watching processes.
func (r *rules) close() { r.processes.close() }

// remove ends a grant that is kept in the vault.
func (r *rules) remove(ctx context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g, ok := findGrant(r.files, id); ok {
		return inFile(g)
	}
	if err := r.vault.RemoveGrant(ctx, id); err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(r.kept), func(g policy.Grant) bool { return g.ID == id })
	if err := r.reduce(kept, r.uses); err != nil {
		return err
	}
	r.uses.Forget(id)
	return nil
}

// inFile refuses to remove what is not the vault's.
func inFile(g policy.Grant) error {
	return fault.E(fault.CodeBadArgument, "grant %s is in a policy file, %s:%d", g.ID, g.Source.File, g.Source.Line).
		WithHint("remove it there")
}

func findGrant(list []policy.Grant, id string) (policy.Grant, bool) {
	i := slices.IndexFunc(list, func(g policy.Grant) bool { return g.ID == id })
	if i < 0 {
		return policy.Grant{}, false
	}
	return list[i], true
}

// list are the grants in force by their ids, with where they come from.
func (r *rules) list() []policy.Grant {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Concat(r.files, r.kept)
	slices.SortFunc(all, func(a, b policy.Grant) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// standing is the state of a grant in force, by the clock that decides.
func (r *rules) standing(g *policy.Grant) string {
	r.mu.Lock()
	uses := r.uses
	r.mu.Unlock()
	now := time.Now()
	if r.policy.Now != nil {
		now = r.policy.Now()
	}
	return g.State(now, uses.Total(g.ID))
}

// state is what Status tells of the policy.
func (r *rules) state() (generation uint64, hash, problem string) {
	if p := r.problem.Load(); p != nil {
		problem = *p
	}
	if set := r.policy.Set(); set != nil {
		sum := set.Hash()
		generation, hash = set.Generation(), hex.EncodeToString(sum[:])
	}
	return generation, hash, problem
}
