"""Exchanges data between pyca/cryptography and a running daemon.

Without an argument it lists its cases; with one it runs that case. It uses
vaultctl, found in PATH, and for some cases HTTP with JSON on the socket.
"""

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import time

from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import dh, ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

PEM = serialization.Encoding.PEM
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
PKCS8 = serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()
SHA256 = hashes.SHA256()
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)

# RFC 3526, group 14, and RFC 7919, ffdhe2048.
MODP2048 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF", 16)
FFDHE2048 = int(
    "FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695"
    "A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8F681B202AEC4617A"
    "D3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935"
    "984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797A"
    "BC0AB182B324FB61D108A94BB2C8E3FBB96ADAB760D7F4681D4F42A3DE394DF4"
    "AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61"
    "9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005"
    "C58EF1837D1683B2C6F34A26C1B2EFFA886B423861285C97FFFFFFFFFFFFFFFF", 16)

cases = {}


def case(f):
    cases[f.__name__] = f
    return f


def vaultctl(*args, stdin=b"", fails=None):
    """Runs vaultctl and returns what it printed, or checks its exit status."""
    run = subprocess.run(["vaultctl", *args], input=stdin, capture_output=True)
    if fails is not None:
        assert run.returncode == fails, f"vaultctl {args} exits {run.returncode}, not {fails}: {run.stderr.decode()}"
        return run.stderr
    assert run.returncode == 0, f"vaultctl {args} exits {run.returncode}: {run.stderr.decode()}"
    return run.stdout


def http_call(method, **request):
    """Calls the daemon by HTTP with JSON."""
    conn = http.client.HTTPConnection("vaultd")
    conn.sock = socket.socket(socket.AF_UNIX)
    conn.sock.connect(os.environ["VAULTD_SOCKET"])
    conn.request("POST", "/vaultd.v1.VaultService/" + method, json.dumps(request), {"Content-Type": "application/json"})
    answer = conn.getresponse()
    body = answer.read()
    assert answer.status == 200, f"{method}: {answer.status} {body}"
    return json.loads(body)


def save(name, data):
    with open(name, "wb") as f:
        f.write(data)
    return name


def passphrase(text=b"a passphrase of the test"):
    return save("passphrase", text)


def public(name, *args):
    return serialization.load_pem_public_key(vaultctl("key", "public", name, *args))


def private_pem(key, encryption=PLAIN):
    return key.private_bytes(PEM, PKCS8, encryption)


def public_pem(key):
    return key.public_key().public_bytes(PEM, SPKI)


def same_public(name, key):
    """Whether the daemon's public key is that of key. A Diffie-Hellman key can be
    written in two ways, after PKCS #3 or X9.42: its numbers count."""
    pem = vaultctl("key", "public", name)
    if not isinstance(key, dh.DHPrivateKey):
        return pem == public_pem(key)
    a, b = serialization.load_pem_public_key(pem).public_numbers(), key.public_key().public_numbers()
    return (a.y, a.parameter_numbers.p, a.parameter_numbers.g) == (b.y, b.parameter_numbers.p, b.parameter_numbers.g)


def user():
    return json.loads(vaultctl("key", "list", "-o", "json"))["keys"][0]["name"].split("/")[0]


@case
def fernet_token_of_the_daemon():
    vaultctl("key", "create", "f1", "--type", "fernet", "--exportable")
    key = vaultctl("key", "export", "f1", "--format", "fernet").strip()
    for text in (b"", b"x", b"hello \x00 world" * 100):
        token = vaultctl("encrypt", "f1", stdin=text).strip()
        assert Fernet(key).decrypt(token) == text


@case
def fernet_token_of_pyca():
    key = Fernet.generate_key()
    vaultctl("key", "import", "f2", "--type", "fernet", "--format", "fernet", "--exportable", stdin=key)
    assert vaultctl("key", "export", "f2", "--format", "fernet").strip() == key
    f = Fernet(key)
    for text in (b"", b"x" * 15, b"x" * 16, os.urandom(10_000)):
        assert vaultctl("decrypt", "f2", stdin=f.encrypt(text)) == text
    old = f.encrypt_at_time(b"old", int(time.time()) - 600)
    assert vaultctl("decrypt", "f2", stdin=old) == b"old"
    vaultctl("decrypt", "f2", "--max-age", "5m", stdin=old, fails=5)
    assert vaultctl("decrypt", "f2", "--max-age", "20m", stdin=old) == b"old"
    token = bytearray(f.encrypt(b"changed"))
    token[40] = ord("A") if token[40] != ord("A") else ord("B")
    vaultctl("decrypt", "f2", stdin=bytes(token), fails=7)
    vaultctl("decrypt", "f2", stdin=Fernet(Fernet.generate_key()).encrypt(b"another key"), fails=7)


@case
def fernet_over_http():
    key = Fernet.generate_key()
    vaultctl("key", "import", "f3", "--type", "fernet", "--format", "fernet", stdin=key)
    name = f"{user()}/f3"
    sealed = http_call("Encrypt", key=name, plaintext=base64.b64encode(b"by HTTP").decode())
    assert Fernet(key).decrypt(sealed["ciphertext"].encode()) == b"by HTTP"
    opened = http_call("Decrypt", key=name, ciphertext=Fernet(key).encrypt(b"and back").decode())
    assert base64.b64decode(opened["plaintext"]) == b"and back"


@case
def fernet_after_rotation():
    vaultctl("key", "create", "f4", "--type", "fernet", "--exportable")
    first = vaultctl("key", "export", "f4", "--format", "fernet").strip()
    vaultctl("key", "rotate", "f4")
    second = vaultctl("key", "export", "f4", "--format", "fernet").strip()
    assert first != second
    for key in (first, second):
        assert vaultctl("decrypt", "f4", stdin=Fernet(key).encrypt(b"either")) == b"either"
    Fernet(second).decrypt(vaultctl("encrypt", "f4", stdin=b"new").strip())


def keys_of_pyca():
    return {
        "rsa-2048": rsa.generate_private_key(65537, 2048),
        "rsa-3072": rsa.generate_private_key(65537, 3072),
        "ecdsa-p256": ec.generate_private_key(ec.SECP256R1()),
        "ecdsa-p384": ec.generate_private_key(ec.SECP384R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
        "x25519": x25519.X25519PrivateKey.generate(),
        "p256": ec.generate_private_key(ec.SECP256R1()),
        "ffdh-2048": dh.DHParameterNumbers(MODP2048, 2).parameters().generate_private_key(),
    }


@case
def encrypted_pkcs8_of_the_daemon():
    password = b"a passphrase of the test"
    for kind in keys_of_pyca():
        vaultctl("key", "create", "e-" + kind, "--type", kind, "--exportable")
        pem = vaultctl("key", "export", "e-" + kind, "--passphrase-file", passphrase(password))
        assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----"), pem
        key = serialization.load_pem_private_key(pem, password)
        assert same_public("e-" + kind, key), kind
        try:
            serialization.load_pem_private_key(pem, b"another")
        except ValueError:
            continue
        raise AssertionError("another passphrase opens the key")


@case
def encrypted_pkcs8_of_pyca():
    password = b"a passphrase of the test"
    for kind, key in keys_of_pyca().items():
        name = "i-" + kind
        pem = private_pem(key, serialization.BestAvailableEncryption(password))
        # In namespaces of their own, since wrong passphrases are counted for each.
        vaultctl("key", "import", "wrong-" + kind + "/k", "--type", kind, "--passphrase-file", save("wrong", b"wrong"), stdin=pem, fails=7)
        vaultctl("key", "import", name, "--type", kind, "--exportable", "--passphrase-file", passphrase(password), stdin=pem)
        assert same_public(name, key), kind
        plain = vaultctl("key", "export", name, "--format", "pkcs8")
        again = serialization.load_pem_private_key(plain, None)
        if kind == "ffdh-2048":
            assert again.private_numbers().x == key.private_numbers().x
        else:
            assert private_pem(again) == private_pem(key), kind


@case
def plain_pkcs8_of_pyca():
    for kind, key in keys_of_pyca().items():
        vaultctl("key", "import", "p-" + kind, "--type", kind, "--format", "pkcs8", stdin=private_pem(key))
        assert same_public("p-" + kind, key), kind


def original_key(password, salt):
    kdf = PBKDF2HMAC(algorithm=hashes.SHA256(), length=32, salt=salt, iterations=100000)
    return Fernet(base64.urlsafe_b64encode(kdf.derive(password)))


@case
def compat_private_key_of_the_daemon():
    password = b"the original's password"
    vaultctl("key", "create", "c1", "--type", "rsa-2048", "--exportable")
    blob = vaultctl("key", "export", "c1", "--format", "compat", "--passphrase-file", passphrase(password))
    pem = original_key(password, blob[:16]).decrypt(blob[16:])
    key = serialization.load_pem_private_key(pem, None)
    assert same_public("c1", key)
    try:
        original_key(b"wrong", blob[:16]).decrypt(blob[16:])
    except InvalidToken:
        return
    raise AssertionError("another password opens the key")


@case
def compat_private_key_of_the_original():
    password = b"the original's password"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    salt = os.urandom(16)
    blob = salt + original_key(password, salt).encrypt(private_pem(key))
    vaultctl("key", "import", "wrong-original/k", "--type", "rsa-2048", "--format", "compat", "--passphrase-file", save("wrong", b"wrong"), stdin=blob, fails=7)
    vaultctl("key", "import", "c2", "--type", "rsa-2048", "--format", "compat", "--passphrase-file", passphrase(password), stdin=blob)
    assert same_public("c2", key)


def hkdf(secret, salt, info, length):
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)


@case
def dh_public_keys_and_hkdf():
    vaultctl("key", "create", "dh1", "--type", "ffdh-2048", "--exportable")
    mine = public("dh1")
    numbers = mine.public_numbers().parameter_numbers
    assert numbers.g == 2 and numbers.p in (MODP2048, FFDHE2048)
    peer = dh.DHParameterNumbers(numbers.p, 2).parameters().generate_private_key()
    file = save("peer.pem", public_pem(peer))
    secret = peer.exchange(mine)
    for salt, info, length in ((None, b"handshake data", 32), (b"\x00\xff\x10salt", b"", 64), (None, b"", 1)):
        args = ["--info", info.decode(), "--length", str(length)]
        if salt:
            args += ["--salt", "hex:" + salt.hex()]
        out = vaultctl("agree", "dh1", "--peer", file, "--raw", *args)
        assert out == hkdf(secret, salt, info, length), (salt, info, length)


@case
def dh_in_both_groups():
    for group, p in (("modp2048", MODP2048), ("ffdhe2048", FFDHE2048)):
        parameters = dh.DHParameterNumbers(p, 2).parameters()
        ours, peer = parameters.generate_private_key(), parameters.generate_private_key()
        name = "dh-" + group
        vaultctl("key", "import", name, "--type", "ffdh-2048", "--format", "pkcs8", stdin=private_pem(ours))
        assert same_public(name, ours)
        out = vaultctl("agree", name, "--peer", save("peer.pem", public_pem(peer)), "--raw", "--info", "x")
        assert out == hkdf(peer.exchange(ours.public_key()), None, b"x", 32), group
    other = dh.DHParameterNumbers(MODP2048, 2).parameters().generate_private_key()
    vaultctl("agree", "dh-ffdhe2048", "--peer", save("other.pem", public_pem(other)), fails=7)


@case
def dh_many_secrets():
    """Some shared secrets begin with zero bytes, which must stay."""
    parameters = dh.DHParameterNumbers(MODP2048, 2).parameters()
    ours = parameters.generate_private_key()
    vaultctl("key", "import", "dh-many", "--type", "ffdh-2048", "--format", "pkcs8", stdin=private_pem(ours))
    name, short = f"{user()}/dh-many", 0
    for _ in range(3000):
        peer = parameters.generate_private_key()
        secret = peer.exchange(ours.public_key())
        assert len(secret) == 256
        if secret[0] != 0:
            continue
        short += 1
        out = http_call("Agree", key=name, peerPublicKey=base64.b64encode(public_pem(peer)).decode(), info=base64.b64encode(b"i").decode())
        assert base64.b64decode(out["output"]) == hkdf(secret, None, b"i", 32)
        if short == 2:
            break
    assert short > 0, "no secret began with a zero byte"


@case
def bad_dh_public_keys():
    """0, 1, p-1, and a key of another group are refused."""
    vaultctl("key", "create", "dh-bad", "--type", "ffdh-2048")
    p = public("dh-bad").public_numbers().parameter_numbers.p
    good = public_pem(dh.DHParameterNumbers(p, 2).parameters().generate_private_key())
    vaultctl("agree", "dh-bad", "--peer", save("good.pem", good))
    der = serialization.load_pem_public_key(good).public_bytes(serialization.Encoding.DER, SPKI)
    for y in (0, 1, p - 1, p, p + 1):
        number = y.to_bytes((max(y.bit_length(), 1) + 8) // 8, "big")
        vaultctl("agree", "dh-bad", "--peer", save("bad.der", with_public_value(der, number)), fails=7)


def tlv(tag, body):
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(size)]) + size + body


def head(der):
    """The tag, the content and the rest of a DER value."""
    length, at = der[1], 2
    if length >= 128:
        at += length - 128
        length = int.from_bytes(der[2:at], "big")
    return der[0], der[at:at + length], der[at + length:]


def with_public_value(der, number):
    _, body, _ = head(der)
    tag, algorithm, _ = head(body)
    return tlv(0x30, tlv(tag, algorithm) + tlv(0x03, b"\x00" + tlv(0x02, number)))


@case
def x25519_and_p256_agreement():
    for kind, make, exchange in (
        ("x25519", x25519.X25519PrivateKey.generate, lambda k, p: k.exchange(p)),
        ("p256", lambda: ec.generate_private_key(ec.SECP256R1()), lambda k, p: k.exchange(ec.ECDH(), p)),
    ):
        vaultctl("key", "create", "a-" + kind, "--type", kind)
        peer = make()
        out = vaultctl("agree", "a-" + kind, "--peer", save("peer.pem", public_pem(peer)), "--raw", "--salt", "hex:0102", "--info", "test", "--length", "48")
        assert out == hkdf(exchange(peer, public("a-" + kind)), b"\x01\x02", b"test", 48), kind


@case
def pss_over_a_dh_public_key():
    """Row 8: the signature covers the serialized public key."""
    vaultctl("key", "create", "s1", "--type", "rsa-2048")
    peer = dh.DHParameterNumbers(MODP2048, 2).parameters().generate_private_key()
    message = public_pem(peer)
    signature = vaultctl("sign", "s1", "--raw", stdin=message)
    public("s1").verify(signature, message, PSS, SHA256)
    try:
        public("s1").verify(signature, message + b"x", PSS, SHA256)
    except InvalidSignature:
        pass
    else:
        raise AssertionError("the signature verifies over something else")

    key = rsa.generate_private_key(65537, 2048)
    vaultctl("key", "import", "s2", "--type", "rsa-2048", "--format", "pkcs8", stdin=private_pem(key))
    file = save("pss.sig", key.sign(message, PSS, SHA256))
    vaultctl("verify", "s2", "--signature", file, stdin=message)
    vaultctl("verify", "s2", "--signature", file, stdin=message + b"x", fails=7)


@case
def rsa_signatures_of_every_kind():
    key = rsa.generate_private_key(65537, 2048)
    vaultctl("key", "import", "s3", "--type", "rsa-2048", "--format", "pkcs8", stdin=private_pem(key))
    message = b"a message"
    for h in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        for scheme, pad in (
            ("pss", padding.PSS(padding.MGF1(h), padding.PSS.MAX_LENGTH)),
            ("pss-salt-hash", padding.PSS(padding.MGF1(h), padding.PSS.DIGEST_LENGTH)),
            ("pkcs1v15", padding.PKCS1v15()),
        ):
            args = ["--hash", h.name, "--scheme", scheme]
            key.public_key().verify(vaultctl("sign", "s3", "--raw", *args, stdin=message), message, pad, h)
            file = save("any.sig", key.sign(message, pad, h))
            vaultctl("verify", "s3", "--signature", file, *args, stdin=message)


@case
def ecdsa_and_ed25519_signatures():
    message = os.urandom(1000)
    for kind, h, key in (
        ("ecdsa-p256", hashes.SHA256(), ec.generate_private_key(ec.SECP256R1())),
        ("ecdsa-p384", hashes.SHA384(), ec.generate_private_key(ec.SECP384R1())),
        ("ed25519", None, ed25519.Ed25519PrivateKey.generate()),
    ):
        name = "g-" + kind
        vaultctl("key", "import", name, "--type", kind, "--format", "pkcs8", stdin=private_pem(key))
        signature = vaultctl("sign", name, "--raw", stdin=message)
        if h:
            key.public_key().verify(signature, message, ec.ECDSA(h))
            theirs = key.sign(message, ec.ECDSA(h))
        else:
            key.public_key().verify(signature, message)
            theirs = key.sign(message)
        vaultctl("verify", name, "--signature", save("g.sig", theirs), stdin=message)
        vaultctl("verify", name, "--signature", "g.sig", stdin=message + b"x", fails=7)


@case
def rsa_oaep():
    key = rsa.generate_private_key(65537, 2048)
    vaultctl("key", "import", "o1", "--type", "rsa-2048", "--format", "pkcs8", "--use", "encrypt,decrypt", stdin=private_pem(key))
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    sealed = base64.b64decode(vaultctl("encrypt", "o1", stdin=b"to pyca"))
    assert key.decrypt(sealed, oaep) == b"to pyca"
    sealed = key.public_key().encrypt(b"from pyca", oaep)
    assert vaultctl("decrypt", "o1", stdin=base64.b64encode(sealed)) == b"from pyca"


@case
def hmac_sha256():
    secret = os.urandom(32)
    vaultctl("key", "import", "h1", "--type", "hmac-sha256", "--format", "raw", stdin=secret)
    mac = hmac.HMAC(secret, SHA256)
    mac.update(b"a message")
    assert vaultctl("mac", "h1", "--raw", stdin=b"a message") == mac.finalize()


def split_compat(message):
    """A compat message: the public key in PEM, then the signature in PEM."""
    mark = b"-----BEGIN EXCHANGE SIGNATURE-----"
    at = message.index(mark)
    body = message[at + len(mark):message.index(b"-----END EXCHANGE SIGNATURE-----")]
    return message[:at], base64.b64decode(body)


def compat_message(key, signing_key):
    pem = public_pem(key)
    text = base64.b64encode(signing_key.sign(pem, PSS, SHA256)).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    block = ["-----BEGIN EXCHANGE SIGNATURE-----", *lines, "-----END EXCHANGE SIGNATURE-----", ""]
    return pem + "\n".join(block).encode()


def session_key(secret):
    return base64.urlsafe_b64encode(hkdf(secret, None, b"handshake data", 32))


@case
def compat_exchange_offered_by_the_daemon():
    theirs = rsa.generate_private_key(65537, 2048)
    peer = save("theirs.pem", public_pem(theirs))
    vaultctl("key", "create", "x1", "--type", "rsa-2048")
    offer = vaultctl("exchange", "offer", "--compat", "--key", "x1", "--as", "session1", "--peer", peer)
    pem, signature = split_compat(offer)
    public("x1").verify(signature, pem, PSS, SHA256)
    daemon = serialization.load_pem_public_key(pem)
    ours = daemon.parameters().generate_private_key()
    vaultctl("exchange", "finish", "--peer", peer, stdin=compat_message(ours, theirs))
    f = Fernet(session_key(ours.exchange(daemon)))
    assert f.decrypt(vaultctl("encrypt", "session1", stdin=b"to the peer").strip()) == b"to the peer"
    assert vaultctl("decrypt", "session1", stdin=f.encrypt(b"from the peer")) == b"from the peer"


@case
def compat_exchange_accepted_by_the_daemon():
    for n, p in enumerate((MODP2048, FFDHE2048)):
        theirs = rsa.generate_private_key(65537, 2048)
        peer = save("theirs.pem", public_pem(theirs))
        vaultctl("key", "create", f"x2-{n}", "--type", "rsa-2048")
        ours = dh.DHParameterNumbers(p, 2).parameters().generate_private_key()
        message = compat_message(ours, theirs)
        changed = message.replace(b"A", b"B", 1) if b"A" in message[:200] else message[:100] + b"A" + message[101:]
        accept = ["exchange", "accept", "--compat", "--key", f"x2-{n}", "--as", f"session2-{n}", "--peer", peer]
        vaultctl(*accept, stdin=changed, fails=7)
        answer = vaultctl(*accept, stdin=message)
        pem, signature = split_compat(answer)
        public(f"x2-{n}").verify(signature, pem, PSS, SHA256)
        f = Fernet(session_key(ours.exchange(serialization.load_pem_public_key(pem))))
        assert f.decrypt(vaultctl("encrypt", f"session2-{n}", stdin=b"to the peer").strip()) == b"to the peer"


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print("\n".join(cases))
    else:
        cases[sys.argv[1]]()
