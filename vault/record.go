package vault

import (
	"strconv"

	"github.com/vaultd/vaultd/vault/store"
)

// The kinds of records that the vault keeps in its store.
const (
	kindKey        store.Kind = 1  // metadata and version table, at the key's name
	kindMaterial   store.Kind = 2  // sealed private material of one version
	kindDEK        store.Kind = 3  // the key that material is sealed under
	kindOwner      store.Kind = 4  // an owner and its revocations
	kindRevocation store.Kind = 5  // tombstone of a revoked key, at the key's id
	kindExchange   store.Kind = 6  // an exchange under way or remembered
	kindGrant      store.Kind = 7  // a grant, at its id
	kindGrantUse   store.Kind = 8  // the uses made of a grant, at its id
	kindAuditHead  store.Kind = 9  // how far the audit log was
	kindPrincipal  store.Kind = 10 // a principal and its binding, at its uid
	kindToken      store.Kind = 12 // a registered ciphertext, at its key's id and its place
	kindAlias      store.Kind = 13 // an alias, at its name
	kindBackups    store.Kind = 20 // the backups made, to build on
	kindRestored   store.Kind = 21 // that the vault was restored, and from what
)

// recordFormats has the newest format of each kind that there is.
var recordFormats = map[store.Kind]byte{
	kindKey: keyFormatExtended, kindMaterial: recordFormat, kindDEK: recordFormat, kindOwner: recordFormat,
	kindRevocation: revocationFormatCode, kindExchange: recordFormat, kindGrant: recordFormat, kindGrantUse: recordFormat,
	kindAuditHead: recordFormat, kindPrincipal: recordFormat, kindToken: recordFormat, kindAlias: recordFormat, kindBackups: recordFormat, kindRestored: recordFormat,
}

// recordFormat is the first byte of most records; a reader refuses what it does not know.
const recordFormat = 1

// Lives of a material or DEK record.
const (
	recordLive      = 1
	recordDestroyed = 2
)

func keyRecordID(n Name) store.ID { return store.ID{Kind: kindKey, Path: n.String()} }

func materialRecordID(id KeyID, version uint32) store.ID {
	return store.ID{Kind: kindMaterial, Path: versionPath(id, version)}
}

func dekRecordID(id KeyID, version uint32) store.ID {
	return store.ID{Kind: kindDEK, Path: versionPath(id, version)}
}

func ownerRecordID(owner string) store.ID { return store.ID{Kind: kindOwner, Path: owner} }

func revocationRecordID(id KeyID) store.ID { return store.ID{Kind: kindRevocation, Path: id.String()} }

func versionPath(id KeyID, version uint32) string {
	return id.String() + "/" + strconv.FormatUint(uint64(version), 10)
}
