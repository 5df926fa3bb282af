package ipc

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/vaultd/vaultd/crypto/keytype"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
)

// terms reads what offers and acceptances have in common.
func terms(req interface {
	GetSigningKey() string
	GetSessionKey() string
	GetSessionType() string
	GetSessionTtl() *durationpb.Duration
	GetPurpose() string
	GetPeerPublicKey() []byte
	GetPeerFingerprint() string
	GetCompat() bool
},
) (t vault.ExchangeTerms, err error) {
	if t.SigningKey, err = vault.ParseName(req.GetSigningKey()); err != nil {
		return t, err
	}
	if t.SessionKey, err = vault.ParseName(req.GetSessionKey()); err != nil {
		return t, err
	}
	if t.SessionTTL, err = lifetime("session_ttl", req.GetSessionTtl()); err != nil {
		return t, err
	}
	t.SessionType, t.Purpose = req.GetSessionType(), req.GetPurpose()
	t.PeerPublicKey, t.PeerFingerprint = req.GetPeerPublicKey(), req.GetPeerFingerprint()
	t.Compat = req.GetCompat()
	return t, nil
}

// OfferExchange begins a key exchange.
func (s *service) OfferExchange(ctx context.Context, req *vaultdv1.OfferExchangeRequest) (*vaultdv1.OfferExchangeResponse, error) {
	t, err := terms(req)
	if err != nil {
		return nil, err
	}
	m, err := s.vault.OfferExchange(ctx, vault.OfferExchange{ExchangeTerms: t, Group: req.GetGroup()})
	if err != nil {
		return nil, err
	}
	callFrom(ctx).used = m.Signer
	return &vaultdv1.OfferExchangeResponse{Message: string(m.Message), ExchangeId: m.ID, Expires: timestamp(m.Expires)}, nil
}

// AcceptExchange answers a peer's offer.
func (s *service) AcceptExchange(ctx context.Context, req *vaultdv1.AcceptExchangeRequest) (*vaultdv1.AcceptExchangeResponse, error) {
	t, err := terms(req)
	if err != nil {
		return nil, err
	}
	m, err := s.vault.AcceptExchange(ctx, vault.AcceptExchange{ExchangeTerms: t, Message: []byte(req.GetMessage())})
	if err != nil {
		return nil, err
	}
	callFrom(ctx).used = m.Signer
	resp := &vaultdv1.AcceptExchangeResponse{Message: string(m.Message), ExchangeId: m.ID}
	if m.Session != nil {
		resp.Session = keyToProto(*m.Session, false)
	}
	return resp, nil
}

// FinishExchange takes the peer's last message.
func (s *service) FinishExchange(ctx context.Context, req *vaultdv1.FinishExchangeRequest) (*vaultdv1.FinishExchangeResponse, error) {
	owner := req.GetOwner()
	if owner == "" {
		owner = s.defaultOwner(callFrom(ctx).who)
	}
	f, err := s.vault.FinishExchange(ctx, vault.FinishExchange{
		Message: []byte(req.GetMessage()), PeerPublicKey: req.GetPeerPublicKey(), Owner: owner,
	})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.FinishExchangeResponse{
		Message: string(f.Message), Session: keyToProto(f.Session, false),
		PeerFingerprint: keytype.FormatFingerprint(f.PeerFingerprint),
	}, nil
}
