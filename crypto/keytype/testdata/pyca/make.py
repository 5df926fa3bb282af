"""Makes the files in this directory with pyca/cryptography."""
import cryptography
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

MESSAGE = b"attack at dawn"


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)


def private(name, key):
    write(name + ".pem", key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    write(name + ".pub", key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


print("cryptography", cryptography.__version__)
k = rsa.generate_private_key(public_exponent=65537, key_size=2048)
private("rsa-2048", k)
sha = hashes.SHA256()
write("rsa-2048.pss-longest", k.sign(MESSAGE, padding.PSS(padding.MGF1(sha), padding.PSS.MAX_LENGTH), sha))
write("rsa-2048.pss-digest", k.sign(MESSAGE, padding.PSS(padding.MGF1(sha), padding.PSS.DIGEST_LENGTH), sha))
write("rsa-2048.pkcs1", k.sign(MESSAGE, padding.PKCS1v15(), sha))
write("rsa-2048.oaep", k.public_key().encrypt(MESSAGE, padding.OAEP(padding.MGF1(sha), sha, b"label")))
for name, curve, h in (("ecdsa-p256", ec.SECP256R1(), sha), ("ecdsa-p384", ec.SECP384R1(), hashes.SHA384())):
    k = ec.generate_private_key(curve)
    private(name, k)
    write(name + ".sig", k.sign(MESSAGE, ec.ECDSA(h)))
k = ed25519.Ed25519PrivateKey.generate()
private("ed25519", k)
write("ed25519.sig", k.sign(MESSAGE))
key = Fernet.generate_key()
write("fernet.key", key)
write("fernet.token", Fernet(key).encrypt_at_time(MESSAGE, 1_700_000_000))
