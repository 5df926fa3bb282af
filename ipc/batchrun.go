package ipc

import (
	"context"
	"runtime/debug"

	"github.com/vaultd/vaultd/crypto/envelope"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// runLength bounds how many messages are encrypted while the key is held: who
// wants to revoke it, and all that come after, wait for them.
const runLength = 100

// shortestRun is from where looking a key up once is worth its bookkeeping.
const shortestRun = 3

// run encrypts the items from i on that are under one key in one go, and returns
// how many. They are what an encryption by itself is, decided, recorded and failing
// one by one, but that the vault looks the key up once. It does none where a
// decision may depend on more than the key, or where each counts.
func (b *batch) run(ctx context.Context, items []*vaultdv1.BatchItem, i int) int {
	set, m := b.policy.Set(), byNumber[vaultdv1.Method_METHOD_ENCRYPT]
	if set.NeedsAttributes() || set.CountsUses() || b.rates.apply(m) || ctx.Err() != nil {
		return 0
	}
	n := sameKey(items[i:])
	if n < shortestRun {
		return 0
	}
	b.call.aliases.n = 0
	var t targets
	name, err := usedName(items[i].GetEncrypt().GetKey())
	if err != nil || usedKey(b.service, b.call.who, items[i].GetEncrypt(), &t) != nil {
		return 0
	}
	if _, alias := b.service.vault.Resolve(name); alias {
		return 0 // one by one, each by where it points at that moment
	}
	v := b.decide(m, m.action, items[i].GetEncrypt(), t.resources[0])
	if v.refusal != nil || b.decided.set != set || b.judgeFirst(b.call, m) != nil {
		return 0
	}
	messages := make([]vault.Encrypt, n)
	peer := b.call.asPeer()
	for j := range messages {
		req := items[i+j].GetEncrypt()
		err := fromPeer(req.GetContext(), peer)
		var bound envelope.Context
		if err == nil {
			bound, err = contextFromProto(req.GetContext())
		}
		if err != nil {
			n = j // the one by itself says what is wrong
			break
		}
		messages[j] = vault.Encrypt{Key: name, Plaintext: req.GetPlaintext(), Context: bound, Peer: peer, Binary: req.GetBinary()}
	}
	if n > 0 {
		b.encrypt(ctx, m, &t, v.decision, items[i:i+n], i, messages[:n])
	}
	return n
}

// sameKey is how many items at the front are encryptions under one key.
func sameKey(items []*vaultdv1.BatchItem) int {
	for n, item := range items[:min(len(items), runLength)] {
		if req := item.GetEncrypt(); req == nil || req.GetKey() != items[0].GetEncrypt().GetKey() {
			return n
		}
	}
	return min(len(items), runLength)
}

// encrypt answers the items, which begin at number first of the batch.
func (b *batch) encrypt(
	ctx context.Context, m *method, t *targets, d policy.Decision, items []*vaultdv1.BatchItem, first int, messages []vault.Encrypt,
) {
	done := 0
	defer func() {
		if p := recover(); p != nil {
			b.log.Error("a request panicked", "method", m.name, "stack", string(debug.Stack()))
			for ; done < len(items); done++ {
				b.answer(first+done, nil, b.fault(ctx, b.call, m, fault.E(fault.CodeInternal, "internal error")))
			}
		}
	}()
	answers := make([]vaultdv1.EncryptResponse, len(items))
	for j, made := range b.service.vault.EncryptEach(messages[0].Key, messages, b.call.scratch) {
		answer, req, err := &answers[j], items[j].GetEncrypt(), made.Err
		if err == nil {
			b.call.scratch = made.Ciphertext[len(made.Ciphertext):]
			err = b.service.fitsDecrypt(made.Ciphertext, req.SizeVT()-len(req.GetPlaintext()))
		}
		if err == nil {
			answer.Version = made.Version
			answer.Ciphertext, answer.CiphertextBinary = inForm(made.Ciphertext, req.GetBinary())
			err = b.takes(answer)
		}
		var failure *fault.Error
		var given message
		if err != nil {
			failure = b.fault(ctx, b.call, m, err)
		} else {
			given = answer
		}
		if refused := b.count(ctx, m, t, d, req, given, failure); refused != nil {
			failure = refused
		}
		b.answer(first+j, given, failure)
		done = j + 1
	}
}
