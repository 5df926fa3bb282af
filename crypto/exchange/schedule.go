package exchange

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// SessionKeySize is the length in bytes of a session key.
const SessionKeySize = 32

// Labels separate every use of a key or a hash, and the two directions.
const (
	labelOffer   = "vaultd/exchange/1 offer"
	labelAccept  = "vaultd/exchange/1 accept"
	labelConfirm = "vaultd/exchange/1 confirm"

	labelInitiatorMAC = "vaultd/exchange/1 initiator confirms"
	labelResponderMAC = "vaultd/exchange/1 responder confirms"
	labelSession      = "vaultd/exchange/1 session key"
)

// hash is SHA-256 over a label and parts, each preceded by its length, so that
// no two lists of parts give the same input.
func hash(label string, parts ...[]byte) [32]byte {
	h := sha256.New()
	for _, p := range slices.Concat([][]byte{[]byte(label)}, parts) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write(p)
	}
	return [32]byte(h.Sum(nil))
}

// The transcripts. Each covers all that was sent before it, signatures and
// MACs included, and the signed part of its own message.
func offerTranscript(offer *message) [32]byte { return hash(labelOffer, offer.signed) }

func acceptTranscript(offer, accept *message) [32]byte {
	return hash(labelAccept, offer.whole, accept.signed)
}

func confirmTranscript(offer, accept, confirm *message) [32]byte {
	return hash(labelConfirm, offer.whole, accept.whole, confirm.signed)
}

// toSign is what a signature is made over. The label is in clear, so that the
// signature means nothing anywhere else.
func toSign(label string, transcript [32]byte) []byte {
	return append(append([]byte(label+" signature"), 0), transcript[:]...)
}

// keys are what both sides derive from the shared secret.
type keys struct {
	initiator, responder, session []byte
}

// deriveKeys is HKDF-SHA-256 with both nonces as the salt and the transcript
// up to the accept in every info. It wipes the secret.
func deriveKeys(secret []byte, offer, accept *message) (*keys, error) {
	defer clear(secret)
	salt := slices.Concat(offer.fields[tagNonce], accept.fields[tagNonce])
	prk, err := kdf.Extract(crypto.SHA256, secret, salt)
	if err != nil {
		return nil, err
	}
	defer clear(prk)
	transcript := acceptTranscript(offer, accept)
	k := new(keys)
	for label, dst := range map[string]*[]byte{
		labelInitiatorMAC: &k.initiator, labelResponderMAC: &k.responder, labelSession: &k.session,
	} {
		info := append(append([]byte(label), 0), transcript[:]...)
		if *dst, err = kdf.Expand(crypto.SHA256, prk, info, SessionKeySize); err != nil {
			k.wipe()
			return nil, err
		}
	}
	return k, nil
}

func (k *keys) wipe() {
	clear(k.initiator)
	clear(k.responder)
	clear(k.session)
}

// confirmation is the MAC of one side over its transcript and signature.
func confirmation(key []byte, transcript [32]byte, signature []byte) []byte {
	covered := hash("vaultd/exchange/1 key confirmation", transcript[:], signature)
	h := hmac.New(sha256.New, key)
	h.Write(covered[:])
	return h.Sum(nil)
}

// agree runs the key agreement with a private key in its canonical encoding.
func agree(group string, private, peerSPKI []byte) ([]byte, error) {
	t, err := agreementType(group)
	if err != nil {
		return nil, err
	}
	k, err := t.Parse(private)
	if err != nil {
		return nil, err
	}
	defer k.Wipe()
	return k.(keytype.Agreer).Agree(peerSPKI)
}
