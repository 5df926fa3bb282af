package tpm

import (
	"crypto/sha256"
	"slices"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// selection names PCRs of the SHA-256 bank.
func selection(pcrs []int) tpm2.TPMLPCRSelection {
	var list []uint
	for _, p := range pcrs {
		list = append(list, uint(p))
	}
	return tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{
		{Hash: tpm2.TPMAlgSHA256, PCRSelect: tpm2.PCClientCompatible.PCRs(list...)},
	}}
}

// readPCRs reads each alone, since a TPM gives at most eight at a time.
func readPCRs(t transport.TPM, pcrs []int) ([][32]byte, error) {
	var values [][32]byte
	for _, p := range pcrs {
		read, err := tpm2.PCRRead{PCRSelectionIn: selection([]int{p})}.Execute(t)
		if err != nil {
			return nil, translate(err)
		}
		if len(read.PCRValues.Digests) != 1 || len(read.PCRValues.Digests[0].Buffer) != 32 {
			return nil, ErrBank
		}
		values = append(values, [32]byte(read.PCRValues.Digests[0].Buffer))
	}
	return values, nil
}

// changed are the PCRs that no longer hold what they did.
func changed(pcrs []int, then, now [][32]byte) []int {
	var list []int
	for i, p := range pcrs {
		if then[i] != now[i] {
			list = append(list, p)
		}
	}
	return list
}

// policyDigest is what a policy session of these PCRs comes to, as by apply.
func policyDigest(pcrs []int, values [][32]byte, pin bool) ([]byte, error) {
	calculator, err := tpm2.NewPolicyCalculator(tpm2.TPMAlgSHA256)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(slices.Concat(flatten(values)...))
	if err := (tpm2.PolicyPCR{PcrDigest: tpm2.TPM2BDigest{Buffer: digest[:]}, Pcrs: selection(pcrs)}).Update(calculator); err != nil {
		return nil, err
	}
	if pin {
		if err := (tpm2.PolicyAuthValue{}).Update(calculator); err != nil {
			return nil, err
		}
	}
	return calculator.Hash().Digest, nil
}

func flatten(values [][32]byte) [][]byte {
	var list [][]byte
	for i := range values {
		list = append(list, values[i][:])
	}
	return list
}

// apply satisfies the policy in session with what the PCRs hold now.
func apply(t transport.TPM, session tpm2.TPMISHPolicy, pcrs []int, pin bool) error {
	if _, err := (tpm2.PolicyPCR{PolicySession: session, Pcrs: selection(pcrs)}).Execute(t); err != nil {
		return translate(err)
	}
	if !pin {
		return nil
	}
	_, err := tpm2.PolicyAuthValue{PolicySession: session}.Execute(t)
	return translate(err)
}
