package vault

import (
	"errors"
	"fmt"

	"github.com/vaultd/vaultd/vault/store"
)

// newerFormat refuses what this program could only misread; what says what it is.
func newerFormat(what string) *Error {
	return E(CodeNewerFormat, "the vault was written by a newer vaultd: %s", what).
		WithHint("nothing was changed; run the newer vaultd again, or restore a backup of before the upgrade")
}

func newerText(what string, format, known int) string {
	return fmt.Sprintf("%s has format %d, and this vaultd knows up to %d", what, format, known)
}

// storeError turns an error of the store into the one that a user sees. An
// error that says nothing to a user passes through, and is internal.
func storeError(err error) error {
	if err == nil {
		return nil
	}
	var domain *Error
	var damage *store.ErrCorrupt
	var newer *store.ErrNewer
	switch {
	case errors.As(err, &newer):
		return newerFormat(newerText("its "+newer.File, newer.Format, newer.Known)).Because(err)
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
