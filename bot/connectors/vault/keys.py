"""The vault's keyset: AES-256-GCM in segments of 1 MiB, as Tink publishes it. New keys seal, old keys still open."""

import io
import json
from typing import IO, Any, cast


class Unopened(Exception):
    """What was read is not what was sealed: another key, another name, a changed or missing byte."""


def _tink() -> Any:
    import tink
    from tink import streaming_aead

    streaming_aead.register()
    return tink


def new_keyset() -> str:
    """A keyset of one fresh key, as one line of JSON: a secret to be kept apart from the backups."""
    from tink import secret_key_access, streaming_aead

    tink = _tink()
    handle = tink.new_keyset_handle(streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB)
    written = tink.json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
    return json.dumps(json.loads(written), separators=(",", ":"))


def rotated(keyset: str) -> str:
    """The same keyset with a fresh key that seals from now on; the keys before it go on opening what they sealed."""
    old, new = json.loads(keyset), json.loads(new_keyset())
    taken = {key["keyId"] for key in old["key"]}
    while new["primaryKeyId"] in taken:
        new = json.loads(new_keyset())
    merged = {"primaryKeyId": new["primaryKeyId"], "key": [*old["key"], *new["key"]]}
    return json.dumps(merged, separators=(",", ":"))


class Keys:
    """An opened keyset. `name` binds what is sealed to its place: it opens under no other."""

    def __init__(self, keyset: str) -> None:
        """Raises ValueError, without a byte of it, for a text that is no keyset."""
        from tink import secret_key_access, streaming_aead

        tink = _tink()
        try:
            handle = tink.json_proto_keyset_format.parse(keyset, secret_key_access.TOKEN)
            self._primitive = handle.primitive(streaming_aead.StreamingAead)
            self.primary = str(json.loads(keyset)["primaryKeyId"])
        except (tink.TinkError, ValueError, KeyError, TypeError):
            raise ValueError("the vault's keyset is none: make one with `python -m bot init --keys`") from None
        self.error: type[Exception] = tink.TinkError

    def sealing(self, into: "Outlet", name: str) -> IO[bytes]:
        """A writable stream that seals into `into`; only its `close` makes the last segment."""
        return cast(IO[bytes], self._primitive.new_encrypting_stream(into, name.encode()))

    def opening(self, source: IO[bytes] | io.RawIOBase, name: str) -> IO[bytes]:
        """A readable stream of what was sealed. Its `read` raises `error`; no byte of a bad segment is given."""
        return cast(IO[bytes], self._primitive.new_decrypting_stream(source, name.encode()))

    def seal(self, data: bytes, name: str) -> bytes:
        """A small text, sealed."""
        outlet = Outlet()
        with self.sealing(outlet, name) as stream:
            stream.write(data)
        return bytes(outlet.kept)

    def open(self, data: bytes, name: str) -> bytes:
        """The small text again. Raises Unopened."""
        try:
            return self.opening(io.BytesIO(data), name).read()
        except self.error:
            raise Unopened(name) from None


class Outlet(io.RawIOBase):
    """Where sealed bytes go; here they are kept. Closing it decides nothing, for a broken stream closes it too."""

    def __init__(self) -> None:
        self.kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.kept += data
        return len(data)
