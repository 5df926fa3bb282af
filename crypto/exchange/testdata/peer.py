"""One side of the compatibility protocol, on pyca/cryptography alone.

python3 peer.py offer|accept SIGNING_KEY.pem PEER_PUBLIC.pem
Messages go over standard input and output, each ended by a line "."; the last
line of the output is the session key, as Fernet takes it.
"""

import base64
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import dh, padding
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)
BEGIN, END = b"-----BEGIN EXCHANGE SIGNATURE-----\n", b"-----END EXCHANGE SIGNATURE-----\n"


def pem(public):
    return public.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


def write(key, signing_key):
    signed = pem(key.public_key())
    signature = signing_key.sign(signed, PSS, hashes.SHA256())
    return signed + BEGIN + base64.encodebytes(signature) + END


def read(message, peer):
    signed, signature = message.split(BEGIN)
    peer.verify(base64.b64decode(signature.replace(END, b"")), signed, PSS, hashes.SHA256())
    return s.load_pem_public_key(signed)


def session_key(key, public):
    secret = key.exchange(public)
    return base64.urlsafe_b64encode(HKDF(hashes.SHA256(), 32, None, b"handshake data").derive(secret))


def ffdhe2048():
    # RFC 7919, appendix A.1; E is floor(2^1918 * e).
    term = total = 1 << 2000
    k = 1
    while term:
        term //= k
        total += term
        k += 1
    p = 2**2048 - 2**1984 + ((total >> 82) + 560316) * 2**64 - 1
    return dh.DHParameterNumbers(p, 2).parameters()


def receive():
    lines = []
    for line in sys.stdin.buffer:
        if line == b".\n":
            return b"".join(lines)
        lines.append(line)
    raise SystemExit("no message")


def send(message):
    sys.stdout.buffer.write(message + b".\n")
    sys.stdout.buffer.flush()


def main(role, signing_file, peer_file):
    with open(signing_file, "rb") as f:
        signing_key = s.load_pem_private_key(f.read(), None)
    with open(peer_file, "rb") as f:
        peer = s.load_pem_public_key(f.read())
    if role == "offer":
        key = ffdhe2048().generate_private_key()
        send(write(key, signing_key))
        message = receive()
        public = read(message, peer)
        # A program may keep the key and serialize it again before it verifies.
        assert pem(public) == message.split(BEGIN)[0], "the answer is in another form"
    else:
        public = read(receive(), peer)
        key = public.parameters().generate_private_key()
        send(write(key, signing_key))
    print(session_key(key, public).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
