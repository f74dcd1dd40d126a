"""A bucket of S3 or whatever speaks like it: multipart, unfinished uploads aborted, errors told by their code."""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime
from typing import IO, Any, TypeVar

from bot.effect import Permanent, Temporary

T = TypeVar("T")

PART = 16 << 20  # doubles every 2,500 parts: 10,000 of them hold 600 GB
PARTS_OF_A_SIZE = 2500
CALL_SECONDS = 600
MISSING = ("404", "NoSuchKey", "NotFound")
PASSING = ("InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", "ThrottlingException", "500", "503")


class Bucket:
    """Objects below `prefix` of one bucket."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self.client, self.bucket, self.prefix = client, bucket, prefix
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(
        cls, stack: AsyncExitStack, bucket: str, prefix: str, ca_file: str | None = None, **login: str | None
    ) -> "Bucket":
        """A client that lives as long as `stack`; `login` is aiobotocore's. Connects to nothing yet."""
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        # a store that is away is told within ten seconds, the time that a look has
        retries = {"mode": "standard", "total_max_attempts": 3}
        config = AioConfig(connect_timeout=2, read_timeout=60, retries=retries)
        # left to itself the library trusts a list that it brings along: neither SSL_CERT_FILE nor the system's
        trust = ca_file or ssl.get_default_verify_paths().cafile
        client = get_session().create_client("s3", config=config, verify=trust, **login)
        client = await stack.enter_async_context(client)
        return cls(client, bucket, prefix.strip("/"))

    def place(self, path: str) -> dict[str, str]:
        """The arguments that name an object."""
        return {"Bucket": self.bucket, "Key": f"{self.prefix}/{path}".lstrip("/")}

    def wait(self, call: Coroutine[Any, Any, T]) -> T:
        """The call's result, for a worker thread, while the loop that made the client makes it."""
        return asyncio.run_coroutine_threadsafe(call, self._loop).result(CALL_SECONDS)

    async def sizes(self, folder: str) -> Mapping[str, int]:
        with told():
            return {name: each["Size"] async for name, each in self._listed(folder, "list_objects_v2", "Contents")}

    async def read(self, path: str) -> bytes | None:
        try:
            with told():
                answer = await self.client.get_object(**self.place(path))
                async with answer["Body"] as body:
                    return bytes(await body.read())
        except FileNotFoundError:
            return None

    async def write(self, path: str, data: bytes, *, only_new: bool) -> bool:
        try:
            with told():
                condition = {"IfNoneMatch": "*"} if only_new else {}
                await self.client.put_object(**self.place(path), Body=data, **condition)
        except FileExistsError:
            return False
        return True

    async def delete(self, path: str) -> None:
        with told():
            await self.client.delete_object(**self.place(path))

    async def clear(self, folder: str, before: datetime, keep: Callable[[str], bool]) -> int:
        with told():
            objects = self._listed(folder, "list_objects_v2", "Contents")
            left = [each["Key"] async for name, each in objects if each["LastModified"] < before and not keep(name)]
            uploads = self._listed(folder, "list_multipart_uploads", "Uploads")
            begun = [(each["Key"], each["UploadId"]) async for _, each in uploads if each["Initiated"] < before]
            for key in left:
                await self.client.delete_object(Bucket=self.bucket, Key=key)
            for key, upload in begun:
                await self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)
        return len(left) + len(begun)

    async def _listed(self, folder: str, call: str, part: str) -> AsyncIterator[tuple[str, Any]]:
        """What a call lists of a folder, by its name there."""
        start = self.place(f"{folder}/")["Key"]
        pages = self.client.get_paginator(call).paginate(Bucket=self.bucket, Prefix=start, Delimiter="/")
        async for page in pages:
            for each in page.get(part, ()):
                yield each["Key"].removeprefix(start), each

    def writer(self, path: str) -> "Upload":
        return Upload(self, path)

    def reader(self, path: str) -> IO[bytes]:
        return io.BufferedReader(Download(self, path), PART >> 4)


class Upload:
    """A multipart upload: one part in memory, one on its way never both."""

    def __init__(self, bucket: Bucket, path: str) -> None:
        self._bucket, self._place = bucket, bucket.place(path)
        self._held = bytearray()
        self._parts: list[dict[str, Any]] = []
        self._id: str | None = None

    def write(self, data: bytes) -> None:
        self._held += data
        while len(self._held) >= self._size():
            part = bytes(memoryview(self._held)[: self._size()])
            del self._held[: len(part)]
            self._send(part)

    def commit(self) -> None:
        self._send(bytes(self._held))
        with told():
            self._bucket.wait(
                self._bucket.client.complete_multipart_upload(
                    **self._place, UploadId=self._id, MultipartUpload={"Parts": self._parts}
                )
            )
        self._id = None

    def abort(self) -> None:
        """Nothing of it stays; after a commit there is nothing to do."""
        if self._id is not None:
            with told():
                self._bucket.wait(self._bucket.client.abort_multipart_upload(**self._place, UploadId=self._id))
            self._id = None

    def _size(self) -> int:
        return PART << (len(self._parts) // PARTS_OF_A_SIZE)

    def _send(self, part: bytes) -> None:
        client, number = self._bucket.client, len(self._parts) + 1
        with told():
            if self._id is None:
                self._id = self._bucket.wait(client.create_multipart_upload(**self._place))["UploadId"]
            sent = self._bucket.wait(client.upload_part(**self._place, UploadId=self._id, PartNumber=number, Body=part))
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})


class Download(io.RawIOBase):
    """One object, read as it comes."""

    def __init__(self, bucket: Bucket, path: str) -> None:
        self._bucket = bucket
        with told():
            self._body = bucket.wait(bucket.client.get_object(**bucket.place(path)))["Body"]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with told():
            data = self._bucket.wait(self._body.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()


@contextmanager
def told() -> Iterator[None]:
    """The storage's refusals by their code, in our words; a missing and an existing object as files have them."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as fault:
        code = str(fault.response.get("Error", {}).get("Code", ""))
        if code in MISSING:
            raise FileNotFoundError("no such object in the vault") from None
        if code in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise FileExistsError("there is one already") from None
        if code in PASSING:
            raise Temporary(f"the vault's storage is busy or broken ({code})") from None
        raise Permanent(f"the vault's storage refuses ({code}): look at its bucket, keys and rights") from None
    except (BotoCoreError, TimeoutError):
        raise Temporary("the vault's storage cannot be reached") from None
