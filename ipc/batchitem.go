package ipc

import (
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// itemOf is the method that an item of a batch calls, and its request: nil for
// one that this daemon does not know.
func itemOf(item *vaultdv1.BatchItem) (vaultdv1.Method, message) {
	switch r := item.GetRequest().(type) {
	case *vaultdv1.BatchItem_Encrypt:
		return vaultdv1.Method_METHOD_ENCRYPT, r.Encrypt
	case *vaultdv1.BatchItem_Decrypt:
		return vaultdv1.Method_METHOD_DECRYPT, r.Decrypt
	case *vaultdv1.BatchItem_Sign:
		return vaultdv1.Method_METHOD_SIGN, r.Sign
	case *vaultdv1.BatchItem_Verify:
		return vaultdv1.Method_METHOD_VERIFY, r.Verify
	case *vaultdv1.BatchItem_Mac:
		return vaultdv1.Method_METHOD_MAC, r.Mac
	case *vaultdv1.BatchItem_VerifyMac:
		return vaultdv1.Method_METHOD_VERIFY_MAC, r.VerifyMac
	case *vaultdv1.BatchItem_Rewrap:
		return vaultdv1.Method_METHOD_REWRAP, r.Rewrap
	case *vaultdv1.BatchItem_GenerateDataKey:
		return vaultdv1.Method_METHOD_GENERATE_DATA_KEY, r.GenerateDataKey
	case *vaultdv1.BatchItem_Derive:
		return vaultdv1.Method_METHOD_DERIVE, r.Derive
	}
	return 0, nil
}

// put makes answer the result.
func put(result *vaultdv1.BatchResult, answer message) {
	switch r := answer.(type) {
	case *vaultdv1.EncryptResponse:
		result.Result = &vaultdv1.BatchResult_Encrypt{Encrypt: r}
	case *vaultdv1.DecryptResponse:
		result.Result = &vaultdv1.BatchResult_Decrypt{Decrypt: r}
	case *vaultdv1.SignResponse:
		result.Result = &vaultdv1.BatchResult_Sign{Sign: r}
	case *vaultdv1.VerifyResponse:
		result.Result = &vaultdv1.BatchResult_Verify{Verify: r}
	case *vaultdv1.MACResponse:
		result.Result = &vaultdv1.BatchResult_Mac{Mac: r}
	case *vaultdv1.VerifyMACResponse:
		result.Result = &vaultdv1.BatchResult_VerifyMac{VerifyMac: r}
	case *vaultdv1.RewrapResponse:
		result.Result = &vaultdv1.BatchResult_Rewrap{Rewrap: r}
	case *vaultdv1.GenerateDataKeyResponse:
		result.Result = &vaultdv1.BatchResult_GenerateDataKey{GenerateDataKey: r}
	case *vaultdv1.DeriveResponse:
		result.Result = &vaultdv1.BatchResult_Derive{Derive: r}
	}
}

// answerIn is the answer in a result, nil for an error.
func answerIn(result *vaultdv1.BatchResult) message {
	switch r := result.GetResult().(type) {
	case *vaultdv1.BatchResult_Encrypt:
		return r.Encrypt
	case *vaultdv1.BatchResult_Decrypt:
		return r.Decrypt
	case *vaultdv1.BatchResult_Sign:
		return r.Sign
	case *vaultdv1.BatchResult_Verify:
		return r.Verify
	case *vaultdv1.BatchResult_Mac:
		return r.Mac
	case *vaultdv1.BatchResult_VerifyMac:
		return r.VerifyMac
	case *vaultdv1.BatchResult_Rewrap:
		return r.Rewrap
	case *vaultdv1.BatchResult_GenerateDataKey:
		return r.GenerateDataKey
	case *vaultdv1.BatchResult_Derive:
		return r.Derive
	}
	return nil
}
