"""How much memory a backup takes: in a process of its own, of so many MB that do not compress. For the bench too."""

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import asyncpg
import psutil

from bot.connectors.vault import Load
from tests.integration.vault_rig import SHOP, Rig, Try

ROOT = Path(__file__).resolve().parents[2]
# 64 digests of 64 bytes make a row of 4 KiB.
FILL = """
INSERT INTO noise SELECT n, (
    SELECT decode(string_agg(encode(sha512((n || '/' || m || random())::bytea), 'hex'), ''), 'hex')
    FROM generate_series(1, 64) m
) FROM generate_series($1::int, $2::int) n
"""


async def measure_backup_memory(url: str, megabytes: int, restore: bool = False) -> int:
    """Peak resident bytes, ours and the program's together, of a backup (or its restore) of that size.

    Fills the database of `url` with that many MB of noise, 64 MB a statement; blocks for the length of the backup.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS noise (n int, noise bytea)")
        await connection.execute("ALTER TABLE noise ALTER noise SET STORAGE EXTERNAL; TRUNCATE noise")
        rows = megabytes * 256
        for first in range(1, rows + 1, 16384):
            await connection.execute(FILL, first, min(first + 16383, rows))
    finally:
        await connection.close()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "tests.integration.vault_memory",
            url,
            folder,
            "restore" if restore else "take",
        ]
        child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
        said, _ = await child.communicate()
    if child.returncode:
        raise RuntimeError("the measured backup failed")
    measured = json.loads(said)
    if measured["stored"] < megabytes * 1_000_000:
        raise RuntimeError(f"the noise was compressed to {measured['stored']} bytes: nothing was measured")
    return int(measured["peak"])


class Watch:
    """Samples resident memory of this process and its programs."""

    def __init__(self) -> None:
        self.peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        own = psutil.Process()
        while not self._ended.wait(0.02):
            total = own.memory_info().rss
            for child in own.children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, total)


async def main(url: str, folder: str, what: str) -> None:
    rig = await Rig.open(url, Path(folder))
    if what == "take":
        with Watch() as watch:
            backup = await rig.take()
    else:
        backup = await rig.take()
        with Watch() as watch:
            load = Load(database=SHOP, backup=backup, into=f"{rig.name}_r1_new")
            await load.do(await rig.vault_hands(), Try("r1/load"))
        await rig.drop_besides()
    await rig.close()
    print(json.dumps({"peak": watch.peak, "stored": backup.bytes}))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
