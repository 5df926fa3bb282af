#!/usr/bin/env python3
"""A vaultd client in Python, standard library only: JSON over HTTP.

    vaultd_http.py status
    vaultd_http.py create OWNER/NAME [TYPE]
    vaultd_http.py encrypt OWNER/NAME < plaintext > ciphertext
    vaultd_http.py decrypt < ciphertext > plaintext
"""
import base64
import http.client
import json
import os
import socket
import sys


def socket_path():
    """The daemon's socket, as every client finds it."""
    if path := os.environ.get("VAULTD_SOCKET"):
        return path
    if run := os.environ.get("XDG_RUNTIME_DIR"):
        own = os.path.join(run, "vaultd", "vaultd.sock")
    else:
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        own = os.path.join(state, "vaultd", "run", "vaultd.sock")
    return own if os.path.exists(own) else "/run/vaultd/vaultd.sock"


class VaultError(Exception):
    """A refused call: a stable code, what is wrong, and the class of the code."""

    def __init__(self, code, message, exit_class):
        super().__init__(f"{code}: {message}")
        self.code, self.exit_class = code, exit_class


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("vaultd")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


class Vault:
    """One connection to the daemon. Requests and answers are dicts in protobuf's JSON."""

    def __init__(self, path=None):
        self.connection = Connection(path or socket_path())

    def call(self, method, **request):
        self.connection.request(
            "POST",
            "/vaultd.v1.VaultService/" + method,
            json.dumps(request),
            {"Content-Type": "application/json"},
        )
        response = self.connection.getresponse()
        answer = json.loads(response.read())
        if response.status == 200:
            return answer
        error = next((d["debug"] for d in answer.get("details", []) if "debug" in d), {})
        raise VaultError(error.get("code", answer["code"]), answer["message"], error.get("exit", 1))

    def encrypt(self, key, plaintext, **context):
        pairs = [{"name": n, "value": v} for n, v in context.items()]
        return self.call("Encrypt", key=key, plaintext=base64.b64encode(plaintext).decode(), context=pairs)["ciphertext"]

    def decrypt(self, ciphertext, **context):
        pairs = [{"name": n, "value": v} for n, v in context.items()]
        return base64.b64decode(self.call("Decrypt", ciphertext=ciphertext, context=pairs).get("plaintext", ""))


def main(command, *args):
    vault = Vault()
    if command == "status":
        print(json.dumps(vault.call("Status"), indent=2))
    elif command == "create":
        print(json.dumps(vault.call("CreateKey", name=args[0], type=args[1] if args[1:] else "")["key"], indent=2))
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
