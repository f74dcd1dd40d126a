"""The command line: run, init, check, doctor, migrate, ask, runs, audit. It never approves, answers or denies."""

import argparse
import asyncio
import logging
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from secrets import token_bytes

from bot.telemetry import start_logging

log = logging.getLogger("tandem")
USAGE = "A Slack bot for operations that need two people, one frozen plan, and the truth in one thread."


def main(arguments: list[str] | None = None) -> int:
    """Carries out one command; the exit status is 0 where it went well, 1 where something is wrong, 2 for bad usage."""
    parser = argparse.ArgumentParser(prog="python -m bot", description=USAGE)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("run", help="serve Slack until it is told to stop")
    init = verbs.add_parser("init", help="write a starting folder of config for one's own company")
    init.add_argument("folder", type=Path, nargs="?", help="where to; it must not hold config yet")
    init.add_argument("--keys", action="store_true", help="print new keys: for sealed secrets, and for the vault")
    verbs.add_parser("check", help="read the whole config, offline, and say all that is wrong with it")
    verbs.add_parser("doctor", help="ask the outside: Slack, database, tools, vault, mail, clock")
    verbs.add_parser("migrate", help="bring schema and policy in the database up to date, as the owner")
    runs = verbs.add_parser("runs", help="what runs, waits or is in doubt")
    runs.add_argument("words", nargs="*", help="one run, e.g. r142, with its events; or a target, a command, who asked")
    audit = verbs.add_parser("audit", help="check the chain of events, or print the checkpoints over it")
    audit.add_argument("what", choices=["verify", "checkpoints"])
    audit.add_argument("--against", type=Path, help="a file of checkpoints, as `audit checkpoints` printed them")
    ask = verbs.add_parser("ask", help="ask for an operation as the roster's person of this login")
    ask.add_argument("line", help='as in Slack, e.g. "/ops db backup shop reason=drill"')
    ask.add_argument("--channel", default="", help="the key of the channel that is told; by default the fallback")
    start_logging()
    return _carry_out(parser.parse_args(arguments))


def _carry_out(said: argparse.Namespace) -> int:
    if said.verb == "init":
        return _keys() if said.keys else _init(said.folder)
    from bot import cli
    from bot.process.compose import Unfit

    verbs: dict[str, Callable[[argparse.Namespace], Awaitable[int]]] = {
        "run": cli.run,
        "check": cli.check,
        "doctor": cli.doctor,
        "migrate": cli.migrate,
        "runs": cli.runs,
        "audit": cli.audit,
        "ask": cli.ask,
    }
    try:
        return asyncio.run(_awaited(verbs[said.verb](said)))
    except Unfit as unfit:
        for fault in unfit.faults:
            print(fault, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        log.exception("the command broke off")
        print(
            f"It broke off where nobody foresaw it ({type(error).__name__}); the line above says where.",
            file=sys.stderr,
        )
        return 1


async def _awaited(work: Awaitable[int]) -> int:
    return await work


def _keys() -> int:
    """Fresh keys, as lines for a secret store; they are written nowhere."""
    from bot.connectors.vault.keys import new_keyset

    print(f"TANDEM_SEAL_KEY={b64encode(token_bytes(32)).decode()}")
    print(f"TANDEM_PERSONAL_KEY={b64encode(token_bytes(32)).decode()}")
    print(f"TANDEM_VAULT_KEYSET={new_keyset()}")
    return 0


def _init(folder: Path | None) -> int:
    from config.scaffold import scaffold

    if folder is None:
        print("Name a folder, e.g. python -m bot init company, or ask for --keys.", file=sys.stderr)
        return 2
    try:
        marks = scaffold(folder)
    except FileExistsError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Wrote {folder}. Fill in these lines, then type: TANDEM_CONFIG={folder} python -m bot check")
    for mark in marks:
        print(f"  {mark}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
