"""Seals what rests: secrets of a run under one key, personal values under a key for each subject. AES-256-GCM."""

import base64
import hmac
import os
from dataclasses import dataclass
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag as InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.effect import Secret
from bot.personal import normal

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


@dataclass(frozen=True)
class Subject:
    """Whom a personal value belongs to: found by a keyed digest, sealed under a key that only exists wrapped."""

    lookup: bytes
    id: UUID
    wrapped: bytes


class PersonalSeal:
    """The environment's key for personal values. From it come two: one finds subjects, one wraps their keys.

    What is sealed is bound to its subject, its token and its part: put in another's place, it does not open.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the key of personal values is 32 bytes, base64: `python -m bot init --keys` prints one")
        self._finds = _derived(key, b"tandem personal lookup")
        self._wraps = AESGCM(_derived(key, b"tandem personal wrap"))
        self.mark = _derived(key, b"tandem personal mark")  # tells this key from another, and nothing else

    def lookup(self, plain: str) -> bytes:
        """Equal for equal subjects, and nobody's to compute without the key."""
        return hmac.digest(self._finds, normal(plain).encode(), "sha256")

    def subject(self, plain: str) -> Subject:
        """A new subject with a key of its own, for a value that none is known for."""
        id, nonce = uuid4(), os.urandom(NONCE)
        return Subject(self.lookup(plain), id, nonce + self._wraps.encrypt(nonce, os.urandom(32), id.bytes))

    def box(self, subject: Subject, token: str, part: str, plain: str) -> bytes:
        """A part of a value, "value" or "mask", sealed."""
        nonce = os.urandom(NONCE)
        cipher = self._cipher(subject.id, subject.wrapped)
        return nonce + cipher.encrypt(nonce, plain.encode(), _bound(subject.id, token, part))

    def unbox(self, subject: UUID, wrapped: bytes, token: str, part: str, box: bytes) -> str:
        """The part again. Raises InvalidTag for another subject, token, part or key."""
        plain = self._cipher(subject, wrapped).decrypt(box[:NONCE], box[NONCE:], _bound(subject, token, part))
        return plain.decode()

    def _cipher(self, subject: UUID, wrapped: bytes) -> AESGCM:
        return AESGCM(self._wraps.decrypt(wrapped[:NONCE], wrapped[NONCE:], subject.bytes))


def _derived(key: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, use).derive(key)


def _bound(subject: UUID, token: str, part: str) -> bytes:
    return f"{subject}/{token}/{part}".encode()
