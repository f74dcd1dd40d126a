"""The vault in a bucket, against moto's server: whole or not at all, refusals by code, and a backup that comes back."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.connectors.postgres import DatabaseSettings, Postgres
from bot.connectors.vault import Load, Take, Vault, VaultSettings, new_keyset
from bot.connectors.vault.flow import Flow
from bot.connectors.vault.s3 import PART, Bucket
from bot.effect import Permanent, Temporary, World, Yes
from tests.integration.certificates import Authority
from tests.integration.vault_rig import SEED, SHOP, Rig, Try
from tests.support.proxy import proxied
from tests.support.wires import behind_tls, tunnelling

LOGIN = {"region_name": "eu-central-1", "aws_access_key_id": "key", "aws_secret_access_key": "word"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # every worker reads this file, and one starts a server

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def bucket(endpoint: str, monkeypatch) -> AsyncIterator[Bucket]:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with AsyncExitStack() as stack:
        opened = await Bucket.open(stack, "backups", "company/", endpoint_url=endpoint, **LOGIN)
        await opened.client.create_bucket(
            Bucket="backups", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        yield opened
        listed = await opened.client.list_objects_v2(Bucket="backups")
        for each in listed.get("Contents", ()):
            await opened.client.delete_object(Bucket="backups", Key=each["Key"])
        await opened.client.delete_bucket(Bucket="backups")


async def carried(work: Any) -> Any:
    return await Flow().carry(work, Try(), "in a thread")


async def test_an_object_is_there_as_a_whole_after_its_commit_and_not_before(bucket: Bucket) -> None:
    data = os.urandom(PART + PART // 2)

    def write() -> None:
        writer = bucket.writer("shop/one.dump")
        for start in range(0, len(data), 1 << 20):
            writer.write(data[start : start + (1 << 20)])
        writer.commit()
        writer.abort()

    def read() -> bytes:
        with bucket.reader("shop/one.dump") as source:
            return b"".join(iter(lambda: source.read(100_000), b""))

    await carried(write)
    assert await bucket.sizes("shop") == {"one.dump": len(data)}
    assert await carried(read) == data


async def test_an_aborted_upload_leaves_nothing(bucket: Bucket) -> None:
    def begin() -> None:
        writer = bucket.writer("shop/half.dump")
        writer.write(os.urandom(PART + 1))
        writer.abort()

    await carried(begin)
    assert await bucket.sizes("shop") == {}
    uploads = await bucket.client.list_multipart_uploads(Bucket="backups")
    assert uploads.get("Uploads", []) == []


async def test_what_killed_uploads_left_is_cleared_and_all_else_is_kept(bucket: Bucket) -> None:
    for name in ("kept.dump", "left.dump"):
        await bucket.write(f"shop/{name}", b"sealed", only_new=True)
    await bucket.write("other/left.dump", b"sealed", only_new=True)

    def begin() -> None:
        bucket.writer("shop/half.dump").write(os.urandom(PART + 1))

    await carried(begin)
    before = datetime(2001, 1, 1, tzinfo=UTC)  # moto says of every upload that it began in 2010
    assert await bucket.clear("shop", before, lambda name: False) == 0
    assert await bucket.clear("shop", datetime.now(UTC) + timedelta(minutes=1), lambda name: name != "left.dump") == 2
    assert set(await bucket.sizes("shop")) == {"kept.dump"}
    assert set(await bucket.sizes("other")) == {"left.dump"}
    uploads = await bucket.client.list_multipart_uploads(Bucket="backups")
    assert uploads.get("Uploads", []) == []


async def test_a_small_object_is_written_once(bucket: Bucket) -> None:
    assert await bucket.read("shop/x.manifest") is None
    assert await bucket.write("shop/x.manifest", b"first", only_new=True)
    assert not await bucket.write("shop/x.manifest", b"second", only_new=True)
    assert await bucket.read("shop/x.manifest") == b"first"
    assert await bucket.write("shop/x.manifest", b"third", only_new=False)
    assert await bucket.sizes("shop") == {"x.manifest": 5}
    await bucket.delete("shop/x.manifest")
    await bucket.delete("shop/x.manifest")
    assert await bucket.read("shop/x.manifest") is None
    with pytest.raises(FileNotFoundError):
        await carried(lambda: bucket.reader("shop/gone.dump"))


async def test_refusals_are_told_by_code_without_address(bucket: Bucket) -> None:
    lost = Bucket(bucket.client, "no-such-bucket", "")
    with pytest.raises(Permanent, match="NoSuchBucket"):
        await lost.sizes("shop")
    async with AsyncExitStack() as stack:
        away = await Bucket.open(stack, "backups", "", endpoint_url="http://127.0.0.1:1", **LOGIN)
        with pytest.raises(Temporary) as caught:
            await away.sizes("shop")
    assert str(caught.value) == "the vault's storage cannot be reached"


@asynccontextmanager
async def renting(url: str, endpoint: str) -> AsyncIterator[Rig]:
    """A seeded database whose vault is the bucket."""
    parts = urlsplit(url)
    secrets = {"TANDEM_VAULT_KEYSET": new_keyset(), "PASSWORD": parts.password, "ACCESS": "key", "SECRET": "word"}
    settings = DatabaseSettings(
        host=str(parts.hostname), port=parts.port or 0, database=parts.path[1:], user=str(parts.username),
        password_env="PASSWORD", sslmode="disable", vault="cloud",
    )  # fmt: skip
    cloud = VaultSettings(
        bucket="backups", endpoint=endpoint, region="eu-central-1", access_key="ACCESS", secret_key="SECRET"
    )
    postgres = Postgres(World(targets={"shop": settings}, secret=secrets.__getitem__))
    vault = Vault(World({"cloud": cloud}, {"shop": settings}, secrets.__getitem__, {Postgres: postgres}.__getitem__))
    await vault.open()
    rig = Rig(url, settings, Path("unused"), postgres, vault)
    try:
        await rig.run(SEED)
        yield rig
    finally:
        await rig.drop_besides()
        await rig.close()


async def test_a_backup_goes_through_a_bucket_and_comes_back(bucket: Bucket, endpoint: str, make_database) -> None:
    async with renting(await make_database(None), endpoint) as rig:
        on = await rig.vault_hands()
        backup = await Take(database=SHOP, name="before-r1").do(on, Try("r1/safety"))
        fresh = await Load(database=SHOP, backup=backup, into=f"{rig.name}_r1_new").do(on, Try("r1/load"))
        assert await rig.value("SELECT count(*) FROM orders", name=fresh.name) == 5000
        assert await (await rig.vault.reads(SHOP)).find(backup.name) == backup


async def test_damage_that_is_found_in_a_bucket_is_noted_there(bucket: Bucket, endpoint: str, make_database) -> None:
    async with renting(await make_database(None), endpoint) as rig:
        on, catalogue = await rig.vault_hands(), await rig.vault.reads(SHOP)
        backups = [await Take(database=SHOP, name=name).do(on, Try("r1/take")) for name in ("older", "newer")]
        manifest = await on.shelf.manifest("newer")
        assert manifest is not None
        await on.shelf.storage.delete(on.shelf.path(manifest.object))
        assert await catalogue.named("latest") == "newer"
        for number in (1, 2):
            with pytest.raises(Permanent, match="newer is damaged: its bytes are gone"):
                await Load(database=SHOP, backup=backups[1], into=f"{rig.name}_r1_new").do(on, Try(number=number))
        assert await catalogue.named("latest") == "older"
        assert [backup.name for backup in (await catalogue.all()).damaged] == ["newer"]


async def test_a_backup_whose_last_answer_is_lost_keeps_its_bytes(bucket: Bucket, endpoint: str, make_database) -> None:
    """The manifest was stored, the answer cut, and the library's own second try is refused: there is one already."""
    async with proxied(endpoint) as (far, proxy), renting(await make_database(None), far) as rig:
        proxy.lose("PUT /backups/shop/before-r1.manifest", cut=True)
        on, at = await rig.vault_hands(), Try("r1/safety")
        taken = await Take(database=SHOP, name="before-r1").do(on, at)
        assert proxy.lost.is_set()
        manifest = await on.shelf.manifest(taken.name)
        assert manifest is not None
        assert manifest.backup == taken
        await carried(lambda: on.shelf.check(manifest, lambda: None))
        assert await Take(database=SHOP, name="before-r1").happened(on, at) == Yes(taken)


def test_a_vault_is_a_folder_or_a_bucket() -> None:
    for wrong in ({}, {"folder": "/x", "bucket": "y"}):
        with pytest.raises(ValueError, match="either a folder or a bucket"):
            VaultSettings(**wrong)


@pytest.mark.parametrize("named", ["in the environment", "in config"])
async def test_a_bucket_with_a_private_authority_is_reached_through_the_proxy(
    named: str, endpoint: str, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    ca_file = str(authority.ca_file) if named == "in config" else None
    async with tunnelling() as tunnel, behind_tls(authority.server(60), urlsplit(endpoint).port or 0) as port:
        monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
        if ca_file is None:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        async with AsyncExitStack() as stack:
            far = await Bucket.open(
                stack, "backups", "company/", ca_file, endpoint_url=f"https://127.0.0.1:{port}", **LOGIN
            )
            assert await far.write("shop/one.dump", b"sealed", only_new=True)
            assert await far.read("shop/one.dump") == b"sealed"
    assert set(tunnel.asked) == {f"127.0.0.1:{port}"}
