"""A real pooler between the bot and a database: Debian's pgbouncer."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.local.ports import kept_port


@asynccontextmanager
async def pgbouncer(url: str, mode: str, ignored: str) -> AsyncIterator[str]:
    """A real pooler before a database, which is called `pooled` there; gives the URL through it."""
    with kept_port() as port, TemporaryDirectory(prefix="tandem-pooler-") as folder:
        Path(folder).chmod(0o755)  # run by root, the pooler is another user
        async with _pooling(Path(folder), url, mode, ignored, port):
            yield f"postgresql://anybody:any@127.0.0.1:{port}/pooled"


@asynccontextmanager
async def _pooling(folder: Path, url: str, mode: str, ignored: str, listens: int) -> AsyncIterator[None]:
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("no pgbouncer on this machine: apt-get install pgbouncer")
    where, _, database = url.rpartition("/")
    login, _, place = where.removeprefix("postgresql://").rpartition("@")
    (user, _, password), (host, _, port) = login.partition(":"), place.partition(":")
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\npooled = host={host} port={port} dbname={database} user={user} password={password}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {listens}\nauth_type = any\nunix_socket_dir =\n"
        f"pool_mode = {mode}\nignore_startup_parameters = {ignored}\n"
    )
    config.chmod(0o644)
    who = "nobody" if os.geteuid() == 0 else None  # it refuses to be root
    process = await asyncio.create_subprocess_exec(
        program, "-q", str(config), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, user=who
    )
    try:
        await _listening(listens)
        yield
    finally:
        process.terminate()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
