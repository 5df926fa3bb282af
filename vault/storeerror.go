package vault

import (
	"errors"

	"github.com/vaultd/vaultd/vault/store"
)

// errNewerFormat refuses what this program could only misread.
var errNewerFormat = E(CodeNewerFormat, "the vault was made by a newer vaultd").WithHint("upgrade this one")

// storeError turns an error of the store into the one that a user sees. An
// error that says nothing to a user passes through, and is internal.
func storeError(err error) error {
	if err == nil {
		return nil
	}
	var domain *Error
	var damage *store.ErrCorrupt
	switch {
	case errors.As(err, &domain):
		return err
	case errors.As(err, &damage):
		e := *ErrStoreCorrupt
		e.Message = damage.Error()
		return e.Because(err)
	case errors.Is(err, store.ErrWrongKey):
		return ErrStoreCorrupt.Because(err)
	case errors.Is(err, store.ErrRolledBack):
		return ErrStoreRolledBack.WithHint("if you restored a backup, unseal with --accept-rollback").Because(err)
	case errors.Is(err, store.ErrFull):
		return ErrStorageFull.Because(err)
	case errors.Is(err, store.ErrFailed), errors.Is(err, store.ErrClosed):
		return ErrStoreFailed.Because(err)
	case errors.Is(err, store.ErrTooLarge):
		return E(CodeTooLarge, "the change is too large for the store").Because(err)
	case errors.Is(err, store.ErrLocked):
		return E(CodeInUse, "another process has the vault open").WithHint("stop it first").Because(err)
	case errors.Is(err, store.ErrNetworkFS):
		return E(CodeNetworkFS, "the store is on a network file system, where nothing can be kept safe").
			WithHint("choose a local directory").Because(err)
	case errors.Is(err, store.ErrPermissions):
		return E(CodeUnsafePerms, "others can write to the store").WithHint("make it yours alone: mode 0700, files 0600").Because(err)
	case errors.Is(err, store.ErrNoStore):
		return E(CodeStoreCorrupt, "the header is there but the store is gone").WithHint("restore a backup").Because(err)
	}
	return err
}
