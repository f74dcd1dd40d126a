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
    mark: bytes  # of the key that wraps its own


class PersonalSeal:
    """The environment's key for personal values. From it come two: one finds subjects, one wraps their keys.

    `former` keys find and open what was kept under them; whoever is new is kept under the present one.
    What is sealed is bound to its subject, its token and its part: put in another's place, it does not open.
    """

    def __init__(self, key: bytes, *former: bytes) -> None:
        if any(len(one) != 32 for one in (key, *former)):
            raise ValueError("the key of personal values is 32 bytes, base64: `python -m bot init --keys` prints one")
        self._finds = [_derived(one, b"tandem personal lookup") for one in (key, *former)]
        # By a mark, which tells a key from another, and nothing else.
        self._wraps = {
            _derived(k, b"tandem personal mark"): AESGCM(_derived(k, b"tandem personal wrap")) for k in (key, *former)
        }
        self.marks = tuple(self._wraps)
        self.mark = self.marks[0]

    def lookups(self, plain: str) -> tuple[bytes, ...]:
        """Equal for equal subjects, and nobody's to compute without the keys; by the present one first."""
        return tuple(hmac.digest(finds, normal(plain).encode(), "sha256") for finds in self._finds)

    def lookup(self, plain: str) -> bytes:
        """By the present key."""
        return self.lookups(plain)[0]

    def subject(self, plain: str) -> Subject:
        """A new subject with a key of its own, for a value that none is known for."""
        id, nonce = uuid4(), os.urandom(NONCE)
        wrapped = nonce + self._wraps[self.mark].encrypt(nonce, os.urandom(32), id.bytes)
        return Subject(self.lookup(plain), id, wrapped, self.mark)

    def box(self, subject: Subject, token: str, part: str, plain: str) -> bytes:
        """A part of a value, "value" or "mask", sealed."""
        nonce = os.urandom(NONCE)
        cipher = self._cipher(subject.id, subject.wrapped, subject.mark)
        return nonce + cipher.encrypt(nonce, plain.encode(), _bound(subject.id, token, part))

    def unbox(self, subject: UUID, wrapped: bytes, token: str, part: str, box: bytes, mark: bytes | None = None) -> str:
        """The part again. Raises InvalidTag for another subject, token, part or key.

        `mark`: of the key that wraps the subject's, by default the present one.
        """
        cipher = self._cipher(subject, wrapped, self.mark if mark is None else mark)
        return cipher.decrypt(box[:NONCE], box[NONCE:], _bound(subject, token, part)).decode()

    def _cipher(self, subject: UUID, wrapped: bytes, mark: bytes) -> AESGCM:
        if mark not in self._wraps:
            raise InvalidTag
        return AESGCM(self._wraps[mark].decrypt(wrapped[:NONCE], wrapped[NONCE:], subject.bytes))


def _derived(key: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, use).derive(key)


def _bound(subject: UUID, token: str, part: str) -> bytes:
    return f"{subject}/{token}/{part}".encode()
