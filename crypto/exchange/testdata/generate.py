"""Makes pyca.json: python3 generate.py > pyca.json

Run once with pyca/cryptography 38.0.4 and once with 48.0.0, which serialize
Diffie-Hellman keys differently; the two lists were joined.
"""

import json
import sys

import cryptography
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa

import peer

alice, bob = (rsa.generate_private_key(65537, 2048) for _ in range(2))
parameters = peer.ffdhe2048()
a, b = (parameters.generate_private_key() for _ in range(2))
key = peer.session_key(a, b.public_key())
assert key == peer.session_key(b, a.public_key())
json.dump(
    [
        {
            "version": cryptography.__version__,
            "alice_public": peer.pem(alice.public_key()).decode(),
            "bob_public": peer.pem(bob.public_key()).decode(),
            "alice_state": a.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption()).hex(),
            "bob_state": b.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption()).hex(),
            "alice_message": peer.write(a, alice).decode(),
            "bob_message": peer.write(b, bob).decode(),
            "session_key": key.decode(),
        }
    ],
    sys.stdout,
    indent=1,
)
print()
