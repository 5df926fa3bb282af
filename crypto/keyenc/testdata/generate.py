"""Makes pyca.json: python3 generate.py > pyca.json (pyca/cryptography 48.0.0 and the openssl command 3.0).

The passphrase of every encrypted key is PASSPHRASE.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile

import cryptography
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import dh, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

PASSPHRASE = "correct horse, battery"


def compat(pem):
    salt = os.urandom(16)
    kdf = PBKDF2HMAC(hashes.SHA256(), 32, salt, 100000)
    key = base64.urlsafe_b64encode(kdf.derive(PASSPHRASE.encode()))
    return salt + Fernet(key).encrypt(pem)


def openssl(pem, *options):
    with tempfile.NamedTemporaryFile() as f:
        f.write(pem)
        f.flush()
        return subprocess.run(
            ["openssl", "pkcs8", "-topk8", "-in", f.name, "-passout", "pass:" + PASSPHRASE, *options],
            check=True, capture_output=True,
        ).stdout


def modp2048():
    # RFC 3526, group 14, as OpenSSL knows it.
    out = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "DH", "-pkeyopt", "group:modp_2048", "-outform", "DER"],
        check=True, capture_output=True,
    ).stdout
    return s.load_der_private_key(out, None)


keys = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "x25519": x25519.X25519PrivateKey.generate(),
    "dh": modp2048(),
}
out = []
for name, k in keys.items():
    pem = k.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    case = {
        "name": name,
        "private": pem.decode(),
        "private_der": k.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption()).hex(),
        "public": k.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo).decode(),
        "public_der": k.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo).hex(),
        "compat": compat(pem).hex(),
        "encrypted": {
            "pyca": k.private_bytes(
                s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(PASSPHRASE.encode())
            ).decode()
        },
    }
    if name in ("rsa", "p256", "p384", "ed25519"):
        case["openssh"] = k.public_key().public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH).decode()
    if name == "ed25519":
        for cipher in ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc"):
            for prf in ("hmacWithSHA1", "hmacWithSHA256", "hmacWithSHA384", "hmacWithSHA512"):
                case["encrypted"][cipher + " " + prf] = openssl(pem, "-v2", cipher, "-v2prf", prf, "-iter", "3000").decode()
        case["refused"] = {
            "des3": openssl(pem, "-v2", "des3").decode(),
            "scrypt": openssl(pem, "-scrypt").decode(),
            "pbes1": openssl(pem, "-v1", "PBE-SHA1-3DES").decode(),
        }
    out.append(case)
json.dump({"version": cryptography.__version__, "passphrase": PASSPHRASE, "keys": out}, sys.stdout, indent=1)
print()
