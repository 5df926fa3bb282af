package exchange

import "errors"

// Errors that callers tell apart. Each attack on an exchange has its own.
var (
	// ErrFormat says that a text is not a message of an exchange, or not a strictly encoded one.
	ErrFormat = errors.New("malformed exchange message")
	// ErrVersion says that a message is of a later version of the protocol.
	ErrVersion = errors.New("exchange message of an unknown protocol version")
	// ErrUnknownField says that a message holds a field that must be understood and is not known.
	ErrUnknownField = errors.New("exchange message holds an unknown field that must not be ignored")
	// ErrKind says that a message is of another step of the exchange.
	ErrKind = errors.New("exchange message of another step")
	// ErrWrongExchange says that a message belongs to another exchange.
	ErrWrongExchange = errors.New("message belongs to another exchange")
	// ErrWrongPeer says that a message is from another signing key, or under another name, than expected.
	ErrWrongPeer = errors.New("message is not from the expected peer")
	// ErrWrongRecipient says that an offer is meant for another signing key.
	ErrWrongRecipient = errors.New("offer is for somebody else")
	// ErrReflected says that one's own message, or own key, came back.
	ErrReflected = errors.New("own exchange message came back")
	// ErrReplayed says that an exchange has been seen before.
	ErrReplayed = errors.New("exchange has been used before")
	// ErrSignature says that a signature does not verify: the message was changed or forged.
	ErrSignature = errors.New("signature of the exchange message does not verify")
	// ErrTampered says that key confirmation failed or the two sides have seen different messages.
	ErrTampered = errors.New("exchange was tampered with: the two sides have seen different messages")
	// ErrExpired says that the time for the exchange, or of its session key, is over.
	ErrExpired = errors.New("exchange has expired")
	// ErrNotYetValid says that a message was made in the future, beyond the tolerance for clocks.
	ErrNotYetValid = errors.New("exchange message was made in the future: compare the clocks")
	// ErrPurpose says that the two sides name different purposes.
	ErrPurpose = errors.New("exchange is for another purpose")
	// ErrSessionType says that the two sides want session keys of different types.
	ErrSessionType = errors.New("exchange is for a session key of another type")
	// ErrGroup says that a key agreement group is unknown or not allowed here.
	ErrGroup = errors.New("key agreement group is not accepted")
	// ErrPeerKey says that the peer's ephemeral public key is not valid.
	ErrPeerKey = errors.New("peer's ephemeral public key is not valid")
	// ErrSigningKey says that a signing key is not RSA of 2048 to 8192 bits, ECDSA on P-256 or P-384, or Ed25519.
	ErrSigningKey = errors.New("signing key is not of an accepted type")
	// ErrOptions says that the caller's own options can't be used.
	ErrOptions = errors.New("exchange options are not valid")
	// ErrFinished says that the exchange has given its session key already, or was wiped.
	ErrFinished = errors.New("exchange is finished")
	// ErrState says that stored state of an exchange is damaged.
	ErrState = errors.New("stored exchange state is damaged")
)
