"""How much memory a backup takes: in a process of its own, of so many MB that do not compress. For the bench too."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from itertools import count
from pathlib import Path
from typing import NamedTuple

import asyncpg
import psutil

from bot.connectors.vault import Load
from tests.integration.vault_rig import SHOP, Rig, Try

ROOT = Path(__file__).resolve().parents[2]
ROW = 4096  # bytes


class Peaks(NamedTuple):
    """Resident bytes at most, ours and the program's together; of the restore None where there was none."""

    backup: int
    restore: int | None


async def measure_memory(url: str, megabytes: int, *, restore: bool = False) -> Peaks:
    """A backup of that size in a process of its own, and its restore where that is wanted.

    Fills the database of `url` with that many MB of noise; blocks for the length of the backup.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS noise (n int, noise bytea)")
        await connection.execute("ALTER TABLE noise ALTER noise SET STORAGE EXTERNAL; TRUNCATE noise")
        rows = ((number, os.urandom(ROW)) for number in range((megabytes << 20) // ROW))
        await connection.copy_records_to_table("noise", records=rows)
    finally:
        await connection.close()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.integration.vault_memory", url, folder, *["restore"] * restore]
        child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
        said, _ = await child.communicate()
    if child.returncode:
        raise RuntimeError("the measured backup failed")
    measured = json.loads(said)
    if measured["stored"] < megabytes * 1_000_000:
        raise RuntimeError(f"the noise was compressed to {measured['stored']} bytes: nothing was measured")
    return Peaks(measured["backup"], measured["restore"])


async def measure_backup_memory(url: str, megabytes: int) -> int:
    """The backup's alone."""
    return (await measure_memory(url, megabytes)).backup


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
        programs: list[psutil.Process] = []
        for number in count():
            if self._ended.wait(0.02):
                return
            if number % 16 == 0:  # that reads of every process on the machine; a program lasts as long as its backup
                programs = own.children(recursive=True)
            total = own.memory_info().rss
            for program in programs:
                try:
                    total += program.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, total)


async def main(url: str, folder: str, restore: bool) -> None:
    rig = await Rig.open(url, Path(folder))
    with Watch() as taking:
        backup = await rig.take()
    loading = Watch() if restore else None
    if loading:
        with loading:
            load = Load(database=SHOP, backup=backup, into=f"{rig.name}_r1_new")
            await load.do(await rig.vault_hands(), Try("r1/load"))
        await rig.drop_besides()
    await rig.close()
    told = {"backup": taking.peak, "restore": loading.peak if loading else None, "stored": backup.bytes}
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], "restore" in sys.argv[3:]))
