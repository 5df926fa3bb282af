package vault

import (
	"errors"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// Encrypted is what became of one of several messages.
type Encrypted struct {
	Ciphertext []byte
	Version    uint32
	Err        error
}

// EncryptEach is Encrypt of several messages under one key, in order: it looks
// the key up once, nobody destroys, revokes or rotates it in between, and the
// ciphertexts of a tracked key are registered in one write. They lie in room, one
// after the other, as long as that has some.
func (v *Vault) EncryptEach(name Name, messages []Encrypt, room []byte) []Encrypted {
	all := make([]Encrypted, len(messages))
	fail := func(err error) []Encrypted {
		for i := range all {
			if all[i].Err == nil {
				all[i] = Encrypted{Err: err}
			}
		}
		return all
	}
	o, err := v.enter()
	if err != nil {
		return fail(err)
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(name)
	if err != nil {
		return fail(err)
	}
	h, number, err := o.acquire(k, 0, opProtect, keytype.UseEncrypt)
	if err != nil {
		return fail(err)
	}
	defer k.mu.RUnlock()
	room = room[:0]
	for i := range messages {
		out, err := o.seal(k, h, number, &messages[i], room)
		if err != nil {
			all[i].Err = err
			continue
		}
		all[i] = Encrypted{Ciphertext: out, Version: number}
		room = out[len(out):]
	}
	if k.tracked == nil {
		return all
	}
	if err := o.registerEach(k, number, messages, all); err != nil {
		return fail(err)
	}
	return all
}

// registerEach registers what was encrypted in one commit, or one by one where
// there is no room for all of it.
func (o *opened) registerEach(k *key, number uint32, messages []Encrypt, all []Encrypted) error {
	var made []Ciphertext
	for i := range all {
		if all[i].Err == nil {
			made = append(made, Ciphertext{all[i].Ciphertext, messages[i].Binary})
		}
	}
	err := o.register(k, made, number, nil)
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != CodeQuotaExceeded {
		return err
	}
	for i := range all {
		if all[i].Err != nil {
			continue
		}
		if err := o.register(k, []Ciphertext{{all[i].Ciphertext, messages[i].Binary}}, number, nil); err != nil {
			all[i] = Encrypted{Err: err}
		}
	}
	return nil
}
