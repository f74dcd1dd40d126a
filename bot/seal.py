"""Seals secrets wherever they rest: AES-256-GCM, bound to the run and step they belong to."""

import base64
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.effect import Secret

NONCE = 12


class Seal:
    """One key; `box` and `unbox` are inverse. A box opens only under the name it was made for."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the sealing key is 32 bytes, base64: make one with `python -m bot init --keys`")
        self._cipher = AESGCM(key)

    @classmethod
    def from_text(cls, text: str) -> "Seal":
        """From base64 text. Raises ValueError."""
        return cls(base64.b64decode(text, validate=True))

    def box(self, name: str, secret: Secret) -> bytes:
        """The sealed bytes."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, secret.reveal().encode(), name.encode())

    def unbox(self, name: str, box: bytes) -> Secret:
        """The secret again. Raises cryptography's InvalidTag for another name, another key or a changed byte."""
        return Secret(self._cipher.decrypt(box[:NONCE], box[NONCE:], name.encode()).decode())
