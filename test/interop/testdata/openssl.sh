#!/bin/bash
# Exchanges keys and signatures between openssl and a running daemon. Without
# an argument it lists its cases; with one it runs that case.
set -euo pipefail

refused() { # the exit status that is expected, then the command
	local want=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" = "$want" ] || { echo "$* exits $got, not $want"; exit 1; }
}

case_encrypted_pkcs8_of_the_daemon() {
	printf 'a passphrase' > passphrase
	for kind in rsa-2048 ecdsa-p256 ecdsa-p384 ed25519 x25519; do
		vaultctl key create "e-$kind" --type "$kind" --exportable
		vaultctl key export "e-$kind" --passphrase-file passphrase --out key.pem
		openssl pkey -in key.pem -passin file:passphrase -pubout -out theirs.pem
		vaultctl key public "e-$kind" --out ours.pem
		cmp ours.pem theirs.pem
		! openssl pkey -in key.pem -passin pass:wrong -noout 2> /dev/null
	done
}

case_encrypted_pkcs8_of_openssl() {
	printf 'a passphrase' > passphrase
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out plain.pem
	openssl pkey -in plain.pem -pubout -out theirs.pem
	openssl pkcs8 -topk8 -in plain.pem -out key.pem -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 600000 -passout file:passphrase
	vaultctl key import i1 --type ecdsa-p256 --in key.pem --passphrase-file passphrase
	vaultctl key public i1 --out ours.pem
	cmp ours.pem theirs.pem
	vaultctl key import i2 --type ecdsa-p256 --in plain.pem
}

case_signatures_of_the_daemon() {
	head -c 5000 /dev/urandom > message
	for kind in ecdsa-p256 ecdsa-p384; do
		vaultctl key create "s-$kind" --type "$kind"
		vaultctl key public "s-$kind" --out public.pem
		vaultctl sign "s-$kind" --in message --raw --out signature
		local hash=sha256
		[ "$kind" = ecdsa-p384 ] && hash=sha384
		openssl dgst "-$hash" -verify public.pem -signature signature message
	done
	vaultctl key create s-ed25519 --type ed25519
	vaultctl key public s-ed25519 --out public.pem
	vaultctl sign s-ed25519 --in message --raw --out signature
	openssl pkeyutl -verify -rawin -pubin -inkey public.pem -sigfile signature -in message
	vaultctl key create s-rsa --type rsa-2048
	vaultctl key public s-rsa --out public.pem
	vaultctl sign s-rsa --in message --raw --out signature
	openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max -verify public.pem -signature signature message
	vaultctl sign s-rsa --scheme pkcs1v15 --in message --raw --out signature
	openssl dgst -sha256 -verify public.pem -signature signature message
}

case_signatures_of_openssl() {
	head -c 5000 /dev/urandom > message
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem
	vaultctl key import v-ec --type ecdsa-p256 --in ec.pem
	openssl dgst -sha256 -sign ec.pem -out signature message
	vaultctl verify v-ec --signature signature --in message
	echo more >> message
	refused 7 vaultctl verify v-ec --signature signature --in message
	openssl genpkey -algorithm ED25519 -out ed.pem
	vaultctl key import v-ed --type ed25519 --in ed.pem
	openssl pkeyutl -sign -rawin -inkey ed.pem -in message -out signature
	vaultctl verify v-ed --signature signature --in message
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem
	vaultctl key import v-rsa --type rsa-2048 --in rsa.pem
	openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max -sign rsa.pem -out signature message
	vaultctl verify v-rsa --signature signature --in message
}

case_public_keys() {
	for kind in rsa-2048 ecdsa-p256 ecdsa-p384 ed25519 x25519 p256 ffdh-2048; do
		vaultctl key create "k-$kind" --type "$kind"
		vaultctl key public "k-$kind" --out public.pem
		openssl pkey -pubin -in public.pem -noout -text > /dev/null
		vaultctl key public "k-$kind" --format der --out public.der
		openssl pkey -pubin -inform DER -in public.der -pubout -out again.pem
		cmp public.pem again.pem
	done
}

case_agreement() {
	vaultctl key create a-x --type x25519
	vaultctl key public a-x --out ours.pem
	openssl genpkey -algorithm X25519 -out theirs.pem
	openssl pkey -in theirs.pem -pubout -out theirs.pub
	openssl pkeyutl -derive -inkey theirs.pem -peerkey ours.pem -out secret
	openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt "hexkey:$(od -An -tx1 secret | tr -d ' \n')" \
		-kdfopt salt:salt -kdfopt info:info -binary HKDF > expected
	vaultctl agree a-x --peer theirs.pub --salt salt --info info --raw --out output
	cmp expected output
}

if [ $# = 0 ]; then
	declare -F | sed -n 's/^declare -f case_//p'
else
	"case_$1"
fi
