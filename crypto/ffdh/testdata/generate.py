"""Makes pyca.json: python3 generate.py > pyca.json

Run once with pyca/cryptography 38.0.4 (writes PKCS #3) and once with 48.0.0
(writes X9.42); the two lists were joined. Each case holds both private keys,
both public keys and the shared secret; one case per group has a secret whose
first byte is zero.
"""

import json
import sys

import cryptography
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import dh

# The formulas of RFC 3526 and RFC 7919; PI and E are floor(2^1918 * pi) and
# floor(2^1918 * e).
def pi():
    def atan_inverse(n):
        term = total = (1 << 2000) // n
        k, sign = 3, -1
        while term:
            term //= n * n
            total += sign * (term // k)
            k, sign = k + 2, -sign
        return total

    return (16 * atan_inverse(5) - 4 * atan_inverse(239)) >> 82


def e():
    term = total = 1 << 2000
    k = 1
    while term:
        term //= k
        total += term
        k += 1
    return total >> 82


def prime(constant, offset):
    return 2**2048 - 2**1984 - 1 + (constant + offset) * 2**64


PRIMES = {"modp2048": prime(pi(), 124476), "ffdhe2048": prime(e(), 560316)}


def private(k):
    return k.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption()).hex()


def public(k):
    return k.public_key().public_bytes(
        s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo
    ).hex()


def case(group, zero):
    p = PRIMES[group]
    params = dh.DHParameterNumbers(p, 2, (p - 1) // 2).parameters()
    a = params.generate_private_key()
    while True:
        b = params.generate_private_key()
        z = a.exchange(b.public_key())
        if not zero or z[0] == 0:
            break
    return {
        "version": cryptography.__version__,
        "group": group,
        "a": private(a),
        "b": private(b),
        "a_public": public(a),
        "b_public": public(b),
        "shared": z.hex(),
    }


out = [case(g, z) for g in PRIMES for z in (False, True)]
json.dump(out, sys.stdout, indent=1)
print()
