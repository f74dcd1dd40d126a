"""`make bench`: measures the bot against Bolt and against a floor on this machine, in one run; prints a table and JSON.

Only the ratios mean anything: the machine's own speed is in every figure.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from pydantic import BaseModel, computed_field

from deploy.benches import page, whole
from deploy.benches.ack import CONTESTANTS, Acks, measure
from deploy.benches.page import PageFigures
from deploy.benches.place import Place
from deploy.benches.whole import Backup, Commands, Memory

GOALS = {
    "of_default": 0.25,
    "of_floor": 1.5,
    "of_floor_rate": 0.6,
    "memory_mib": 110.0,
    "ready_s": 2.0,
    "backup_mib": 10.0,
    "load_s": 1.0,
    "click_ms": 300.0,
    "frame_ms": 34.0,
    "bare": 2000.0,
}


class Size(BaseModel):
    """How much is measured."""

    requests: int
    rounds: int
    commands: int
    starts: int
    delays: tuple[int, ...] = (0,)
    backup: tuple[int, int] | None = None
    page: tuple[int, int] | None = None  # clicks, messages


WHOLE = Size(requests=200, rounds=5, commands=200, starts=5, delays=(0, 3000), backup=(200, 2000), page=(30, 5000))
QUICK = Size(requests=60, rounds=3, commands=200, starts=5, delays=(0,), backup=(64, 256), page=(10, 5000))
SMOKE = Size(requests=4, rounds=1, commands=8, starts=1, page=(2, 60))


class Ratio(BaseModel):
    """One of the bot's doors against the two rivals."""

    commit_delay: int
    door: str
    of_default: float  # p50 of the ack, of Bolt's default: 0.25 is a quarter of its time
    of_floor: float  # p50 of the ack, of Bolt that commits one row
    of_floor_rate: float  # requests a second at sixteen in flight, of Bolt that commits one row


class Report(BaseModel):
    """Everything that was measured."""

    goals: dict[str, float] = GOALS
    acks: list[Acks]
    commands: Commands
    memory: Memory
    ready_s: float
    backup: Backup | None
    page: PageFigures | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ratios(self) -> list[Ratio]:
        return [ratio(acks, door) for acks in self.acks for door in CONTESTANTS[2:]]


def ratio(acks: Acks, door: str) -> Ratio:
    """Of one door in one table."""
    alone, busy = acks.alone, acks.busy
    return Ratio(
        commit_delay=acks.commit_delay,
        door=door,
        of_default=alone[door].p50 / alone["default"].p50,
        of_floor=alone[door].p50 / alone["floor"].p50,
        of_floor_rate=busy[door].per_second / busy["floor"].per_second,
    )


async def bench(home: Path, size: Size) -> Report:
    """All of it, one after the other, on one PostgreSQL. Raises NotReady, NotCounted."""
    place = Place(home)
    try:
        await place.start()
        memory = await whole.memory(place, size.commands)
        ready = await whole.ready(place, size.starts)
        acks = [await measure(place, delay, size.requests, size.rounds) for delay in size.delays]
        commands = await whole.commands(place, size.commands)
        backup = await whole.backup(place, *size.backup) if size.backup else None
        seen = await page.figures(place, *size.page) if size.page else None
    finally:
        await place.stop()
    return Report(acks=acks, commands=commands, memory=memory, ready_s=ready, backup=backup, page=seen)


def table(report: Report) -> str:
    """The report for people."""
    lines = []
    for acks in report.acks:
        lines += ["", f"Ack with its commit, commit_delay {acks.commit_delay} µs"]
        lines += [f"  {'':8} {'p50 ms':>8} {'p99 ms':>8}   16 at once: {'p50 ms':>8} {'p99 ms':>8} {'a second':>9}"]
        for name in CONTESTANTS:
            alone, busy = acks.alone[name], acks.busy[name]
            tail = f"{busy.p50:8.2f} {busy.p99:8.2f} {busy.per_second:9.0f}"
            lines.append(f"  {name:8} {alone.p50:8.2f} {alone.p99:8.2f}{'':15}{tail}")
    lines += ["", f"  {'':20} p50 of default's  p50 of the floor's  rate of the floor's"]
    goals = f"{GOALS['of_default']:16.2f} {GOALS['of_floor']:19.2f} {GOALS['of_floor_rate']:20.2f}"
    lines.append(f"  {'goal':20} {goals}")
    for r in report.ratios:
        name = f"{r.door}, delay {r.commit_delay}"
        lines.append(f"  {name:20} {r.of_default:16.2f} {r.of_floor:19.2f} {r.of_floor_rate:20.2f}")
    return "\n".join([*lines, "", *_rest(report)])


def _rest(report: Report) -> list[str]:
    c, m, b = report.commands, report.memory, report.backup
    rivals = f"Bolt's default {c.default:.0f}; a server that only says 200: {c.bare:.0f} (goal {GOALS['bare']:.0f})"
    after = f"{m.after:.0f} MiB after {m.commands} commands (goal {GOALS['memory_mib']:.0f})"
    lines = [
        f"Commands a second through the local Slack: {c.tandem:.0f}; {rivals}",
        f"Memory with {m.operations} operations: {m.ready:.0f} MiB when ready, {after}",
        f"Ready after {report.ready_s:.2f} s (goal {GOALS['ready_s']:.0f})",
    ]
    if b:
        lines.append(
            f"Backup of {b.large_mb} MB: {b.large:.1f} MiB, of {b.small_mb} MB: {b.small:.1f} MiB; "
            f"{b.large - b.small:+.1f} MiB (goal below {GOALS['backup_mib']:.0f})"
        )
    return [*lines, *_of_page(report.page)]


def _of_page(p: PageFigures | None) -> list[str]:
    if p is None:
        return ["The page was not measured: no Chromium here, or nobody asked."]
    load = f"The page is drawn after {p.load_s:.2f} s (goal {GOALS['load_s']:.0f})"
    click = f"a click changes its card after {p.click_ms:.0f} ms, p50 of {p.clicks} (goal {GOALS['click_ms']:.0f})"
    frames = f"95 of 100 frames within {p.frame_ms:.0f} ms (goal {GOALS['frame_ms']:.0f})"
    return [
        f"{load}; {click}",
        f"Scrolling through {p.messages} messages: {frames}, the longest {p.longest_ms:.0f} ms",
    ]


async def _until_told(home: Path, size: Size) -> Report:
    """SIGTERM ends what was started, as Ctrl-C does; a database server would go on."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await bench(home, size)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a few minutes instead of a quarter of an hour")
    size.add_argument("--smoke", action="store_true", help="a minute: whether all of it works; its figures say nothing")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    said = parser.parse_args(arguments)
    wanted = SMOKE if said.smoke else QUICK if said.quick else WHOLE
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        Path(folder).chmod(0o711)  # as root the database server is another user, who passes through
        try:
            report = asyncio.run(_until_told(Path(folder) / "home", wanted))
        except asyncio.CancelledError:
            return 143
    print(table(report))
    figures = report.model_dump_json(indent=2)
    print(figures)
    if said.json:
        said.json.write_text(figures + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
