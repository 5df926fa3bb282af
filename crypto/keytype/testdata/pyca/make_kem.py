"""Makes the files of key encapsulation, HPKE and AES modes in this directory with pyca/cryptography."""
import hashlib
import os

from cryptography.hazmat.primitives import hpke, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

MESSAGE = b"attack at dawn"
INFO = b"pyca"


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)


def pem(name, key):
    write(name, key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def suite(kem):
    return hpke.Suite(kem, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


k = x25519.X25519PrivateKey.generate()
pem("hpke-x25519.pem", k)
write("hpke-x25519.sealed", suite(hpke.KEM.X25519).encrypt(MESSAGE, k.public_key(), INFO))

# The keys of the hybrid KEM are expanded from its seed (draft-ietf-hpke-pq).
seed = os.urandom(32)
wide = hashlib.shake_256(seed).digest(96)
pair = hpke.MLKEM768X25519PrivateKey(
    mlkem.MLKEM768PrivateKey.from_seed_bytes(wide[:64]), x25519.X25519PrivateKey.from_private_bytes(wide[64:]))
write("hpke-mlkem768-x25519.seed", seed)
write("hpke-mlkem768-x25519.sealed", suite(hpke.KEM.MLKEM768_X25519).encrypt(MESSAGE, pair.public_key(), INFO))

k = mlkem.MLKEM768PrivateKey.generate()
pem("ml-kem-768.pem", k)
shared, ciphertext = k.public_key().encapsulate()
write("ml-kem-768.shared", shared)
write("ml-kem-768.ciphertext", ciphertext)

key = os.urandom(64)
write("aes-256-siv.key", key)
write("aes-256-siv.sealed", AESSIV(key).encrypt(MESSAGE, [b"context"]))

key = os.urandom(32)
write("aes-256-kwp.key", key)
write("aes-256-kwp.wrapped", keywrap.aes_key_wrap_with_padding(key, MESSAGE + MESSAGE))
