#!/usr/bin/env python3
"""A vaultd client in Python, standard library only: frames, with the protobuf by hand.

It shows that docs/PROTOCOL.md is all one needs. Commands as in vaultd_http.py.
"""
import json
import socket
import struct
import sys

from vaultd_http import VaultError, socket_path

STATUS, CREATE_KEY, ENCRYPT, DECRYPT = 1, 16, 32, 33


def varint(n):
    """A protobuf base-128 number."""
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, value):
    """A field of bytes, str or a nested message (type 2), or of an int (type 0)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(message):
    """The fields of a message: {number: [values]}, numbers as int, all else as bytes."""
    found, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = number()
        if tag & 7 == 0:
            value = number()
        elif tag & 7 == 2:
            size = number()
            value, at = message[at : at + size], at + size
        elif tag & 7 in (1, 5):
            size = 8 if tag & 7 == 1 else 4
            value, at = message[at : at + size], at + size
        else:
            raise ValueError("not protobuf")
        found.setdefault(tag >> 3, []).append(value)
    return found


class Vault:
    """One connection to the daemon."""

    def __init__(self, path=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path or socket_path())
        self.socket.sendall(b"\x00VD\x01")

    def read(self, n):
        data = b""
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            if not part:
                raise ConnectionError("the daemon closed the connection")
            data += part
        return data

    def call(self, method, message=b"", timeout_ms=0):
        self.socket.sendall(struct.pack(">IHHI", 8 + len(message), method, 0, timeout_ms) + message)
        length, status = struct.unpack(">IB", self.read(5))
        answer = fields(self.read(length - 1))
        if status == 0:
            return answer
        raise VaultError(answer[1][0].decode(), answer[2][0].decode(), status)

    def encrypt(self, key, plaintext, **context):
        pairs = b"".join(field(3, field(1, name) + field(2, value)) for name, value in context.items())
        return self.call(ENCRYPT, field(1, key) + field(2, plaintext) + pairs)[1][0].decode()

    def decrypt(self, ciphertext, **context):
        pairs = b"".join(field(4, field(1, name) + field(2, value)) for name, value in context.items())
        return self.call(DECRYPT, field(2, ciphertext) + pairs).get(1, [b""])[0]


def main(command, *args):
    vault = Vault()
    if command == "status":
        answer = vault.call(STATUS)
        print(json.dumps({
            "initialized": bool(answer.get(1)), "sealed": bool(answer.get(2)), "version": answer[3][0].decode(),
        }, indent=2))
    elif command == "create":
        key = fields(vault.call(CREATE_KEY, field(1, args[0]) + field(2, args[1] if args[1:] else ""))[1][0])
        print(json.dumps({"name": key[1][0].decode(), "id": key[2][0].decode(), "type": key[3][0].decode()}, indent=2))
    elif command == "encrypt":
        print(vault.encrypt(args[0], sys.stdin.buffer.read()))
    elif command == "decrypt":
        sys.stdout.buffer.write(vault.decrypt(sys.stdin.read().strip()))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(*(sys.argv[1:] or ["help"]))
    except VaultError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_class)
