package ipc

import (
	"errors"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
)

func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// lifetime reads an optional duration, zero when it is absent. One that is
// there is positive: "expires at once" is no way to say "never".
func lifetime(field string, d *durationpb.Duration) (time.Duration, error) {
	if d == nil {
		return 0, nil
	}
	if d.CheckValid() != nil || d.AsDuration() <= 0 || d.GetSeconds() > math.MaxInt64/int64(time.Second) {
		return 0, fault.E(fault.CodeBadArgument, "%s must be positive and less than 290 years", field)
	}
	return d.AsDuration(), nil
}

// count reads a number that is an int inside.
func count(field string, n uint32) (int, error) {
	if n > math.MaxInt32 {
		return 0, fault.E(fault.CodeBadArgument, "%s is too large", field)
	}
	return int(n), nil
}

// useBits pairs the uses of the API with those of key types.
var useBits = []struct {
	use vaultdv1.KeyUse
	bit keytype.Use
}{
	{vaultdv1.KeyUse_KEY_USE_ENCRYPT, keytype.UseEncrypt},
	{vaultdv1.KeyUse_KEY_USE_DECRYPT, keytype.UseDecrypt},
	{vaultdv1.KeyUse_KEY_USE_SIGN, keytype.UseSign},
	{vaultdv1.KeyUse_KEY_USE_VERIFY, keytype.UseVerify},
	{vaultdv1.KeyUse_KEY_USE_MAC, keytype.UseMAC},
	{vaultdv1.KeyUse_KEY_USE_VERIFY_MAC, keytype.UseVerifyMAC},
	{vaultdv1.KeyUse_KEY_USE_AGREE, keytype.UseAgree},
	{vaultdv1.KeyUse_KEY_USE_DERIVE, keytype.UseDerive},
	{vaultdv1.KeyUse_KEY_USE_WRAP, keytype.UseWrap},
	{vaultdv1.KeyUse_KEY_USE_UNWRAP, keytype.UseUnwrap},
	{vaultdv1.KeyUse_KEY_USE_ENCAPSULATE, keytype.UseEncapsulate},
	{vaultdv1.KeyUse_KEY_USE_DECAPSULATE, keytype.UseDecapsulate},
}

func usesFromProto(uses []vaultdv1.KeyUse) (keytype.Use, error) {
	var bits keytype.Use
next:
	for _, u := range uses {
		for _, known := range useBits {
			if known.use == u {
				bits |= known.bit
				continue next
			}
		}
		return 0, fault.E(fault.CodeBadArgument, "unknown key use %d", u)
	}
	return bits, nil
}

func usesToProto(bits keytype.Use) (uses []vaultdv1.KeyUse) {
	for _, known := range useBits {
		if bits&known.bit != 0 {
			uses = append(uses, known.use)
		}
	}
	return uses
}

// keyToProto describes a key; a listing has its newest version only.
func keyToProto(k vault.KeyInfo, listed bool) *vaultdv1.Key {
	p := &vaultdv1.Key{
		Name: k.Name.String(), Id: k.ID.String(), Type: k.Type,
		Uses: usesToProto(k.Uses), State: vaultdv1.KeyState(k.State),
		Exportable: k.Exportable, Labels: k.Labels,
		Created: timestamp(k.Created), Version: k.Version,
		RevocationReason: k.RevocationReason, Revoked: timestamp(k.Revoked), RevokedBy: k.RevokedBy,
		Origin: k.Origin.String(), RequireContext: k.RequireContext,
		Tracked: k.Tracked,
	}
	if k.TTL > 0 {
		p.Ttl = durationpb.New(k.TTL)
	}
	lifeToProto(p, &k)
	versions := k.Versions
	if listed && len(versions) > 1 {
		versions = versions[len(versions)-1:]
	}
	for _, v := range versions {
		p.Versions = append(p.Versions, &vaultdv1.KeyVersion{
			NotBefore: timestamp(v.NotBefore), ProcessUntil: timestamp(v.ProcessUntil), Replaced: timestamp(v.Replaced),
			PrivateDestroyed: v.PrivateDestroyed, Suspensions: suspensionsToProto(v.Suspensions), Destruction: destructionToProto(v.Destruction),
			Number: v.Number, State: vaultdv1.KeyState(v.State),
			Created: timestamp(v.Created), Expires: timestamp(v.Expires), Destroyed: timestamp(v.Destroyed),
			Fingerprint: keytype.FormatFingerprint(v.Fingerprint),
		})
	}
	return p
}

// lifeToProto adds what was decided of the key as a whole.
func lifeToProto(p *vaultdv1.Key, k *vault.KeyInfo) {
	p.Current, p.MinDecryptVersion = k.Current, k.MinDecryptVersion
	if k.ProcessTTL > 0 {
		p.ProcessTtl = durationpb.New(k.ProcessTTL)
	}
	if k.RotateEvery > 0 {
		p.RotateEvery, p.NextRotation = durationpb.New(k.RotateEvery), timestamp(k.NextRotation)
	}
	p.Suspensions, p.Destruction = suspensionsToProto(k.Suspensions), destructionToProto(k.Destruction)
	p.Attempts, p.LastAttempt = k.Attempts, timestamp(k.LastAttempt)
	p.ReasonCode, p.CompromisedAt = vaultdv1.RevocationReason(k.ReasonCode), timestamp(k.Compromised)
}

func suspensionsToProto(all []vault.Suspension) (out []*vaultdv1.Suspension) {
	for _, s := range all {
		out = append(out, &vaultdv1.Suspension{
			From: timestamp(s.From), Until: timestamp(s.Until), By: s.By, Reason: s.Reason, Through: s.Through,
		})
	}
	return out
}

func destructionToProto(d *vault.Destruction) *vaultdv1.Destruction {
	if d == nil {
		return nil
	}
	return &vaultdv1.Destruction{At: timestamp(d.At), Since: timestamp(d.Since), By: d.By, Reason: d.Reason}
}

func ownerToProto(o vault.Owner) *vaultdv1.Owner {
	return &vaultdv1.Owner{
		Name: o.Name, Created: timestamp(o.Created),
		Revoked: o.Revoked, RevokedAt: timestamp(o.RevokedAt), RevokedBy: o.RevokedBy, Reason: o.Reason,
		Keys: uint64(o.Keys), //nolint:gosec // a count
	}
}

// contextFromProto checks a context. Its strings may point into the read buffer.
func contextFromProto(pairs []*vaultdv1.ContextPair) (envelope.Context, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	list := make([]envelope.Pair, len(pairs))
	for i, p := range pairs {
		list[i] = envelope.Pair{Name: p.GetName(), Value: p.GetValue()}
	}
	c, err := envelope.NewContext(list...)
	if errors.Is(err, envelope.ErrContext) {
		return nil, fault.E(fault.CodeBadContext, "%v", err)
	}
	return c, err
}

// fitting calls list with smaller and smaller pages until the answer is not
// larger than limit, or has one entry.
func fitting[R message](limit int, size uint32, list func(size uint32) (resp R, entries int, err error)) (R, error) {
	for {
		resp, entries, err := list(size)
		if err != nil || entries <= 1 || resp.SizeVT() <= limit {
			return resp, err
		}
		size = uint32(entries / 2) //nolint:gosec // at most a page
	}
}
