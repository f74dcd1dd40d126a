"""Logs and Sentry tell class, place and our own words: whatever else an error holds stays in the process."""

import asyncio
import json
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.certificates import Authority
from tests.support.ingest import Ingest, ingesting
from tests.support.wires import behind_tls, tunnelling

ROOT = Path(__file__).parents[2]
CANARY = "c4n4ry-b1rd"


async def said(script: str, **environment: str) -> list[dict[str, Any]]:
    """The log lines of a process that starts our telemetry and then runs the script; every line is JSON."""
    begin = "import asyncio, logging, os, threading\nfrom bot.telemetry import start_logging, start_sentry\n"
    begin += f"CANARY = '{CANARY}'\nstart_logging()\nstart_sentry(os.environ.get('DSN'))\n"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", begin + textwrap.dedent(script), cwd=ROOT, env={"PATH": "/usr/bin", **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(30):
        output, errors = await process.communicate()
    assert output == b""
    assert CANARY not in errors.decode()
    return [json.loads(line) for line in errors.decode().splitlines()]


async def test_an_exception_is_told_by_class_and_place_with_the_runs_tag() -> None:
    lines = await said(
        """
        try:
            secret = CANARY
            raise RuntimeError(secret)
        except RuntimeError:
            logging.getLogger("tandem.engine").exception("the engine broke off", extra={"run": 142, "step": "load"})
        """
    )
    assert [(one["said"], one["error"], one["run"], one["step"]) for one in lines] == [
        ("the engine broke off", "RuntimeError", "r142", "load")
    ]
    assert lines[0]["where"].startswith("<string>:")


async def test_every_line_of_a_run_names_it_also_a_librarys_and_a_threads() -> None:
    lines = await said(
        """
        from bot.telemetry import about

        async def worked_at(run):
            with about(run):
                await asyncio.sleep(0)
                logging.getLogger("botocore").warning(CANARY)
                await asyncio.to_thread(logging.getLogger("tandem").warning, f"in a thread of {run}")
                await asyncio.gather(broken())

        async def broken():
            logging.getLogger("tandem").warning("in a task", extra={"step": "load"})

        async def main():
            await asyncio.gather(worked_at(7), worked_at(8))
            logging.getLogger("tandem").warning("of none")

        asyncio.run(main())
        """
    )
    assert sorted(one.get("run", "") for one in lines) == ["", "r7", "r7", "r7", "r8", "r8", "r8"]
    assert {(one["said"], one["run"]) for one in lines if "thread" in one.get("said", "")} == {
        ("in a thread of 7", "r7"), ("in a thread of 8", "r8"),
    }  # fmt: skip


async def test_fields_that_nobody_allowed_and_arguments_are_not_written() -> None:
    lines = await said(
        """
        log = logging.getLogger("tandem.slack")
        log.warning("somebody said %s", CANARY, extra={"text": CANARY, "password": CANARY, "code": "asked"})
        """
    )
    assert {k: v for k, v in lines[0].items() if k != "at"} == {
        "level": "warning", "from": "tandem.slack", "said": "somebody said %s", "code": "asked",
    }  # fmt: skip


async def test_what_libraries_say_is_told_by_its_place_only() -> None:
    lines = await said(
        """
        for name in ("asyncio", "slack_sdk.web", "slack_bolt.App", "tandem.bolt", "aiohttp.server", "asyncpg", "x"):
            logging.getLogger(name).error(f"the request body was {CANARY}")
            logging.getLogger(name).error(CANARY, exc_info=ValueError(CANARY))
        import warnings
        warnings.warn(CANARY)
        """
    )
    assert len(lines) == 15
    assert all("said" not in one for one in lines)
    assert all(one["place"] for one in lines)
    assert [one["error"] for one in lines if "error" in one] == ["ValueError"] * 7


async def test_a_task_that_nobody_awaited_and_a_callback_that_broke_are_told_without_their_text() -> None:
    lines = await said(
        """
        import gc

        async def breaks(text):
            raise LookupError(text)

        async def main():
            task = asyncio.ensure_future(breaks(CANARY))
            await asyncio.wait([task])
            del task
            gc.collect()
            asyncio.get_running_loop().call_soon(lambda: int(CANARY))
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        asyncio.run(main())
        """
    )
    told = [(one["from"], one["said"], one["error"]) for one in lines]
    assert ("asyncio", "Task exception was never retrieved", "LookupError") in told
    assert ("asyncio", "Exception in callback", "ValueError") in told


async def test_what_nobody_caught_in_a_thread_or_at_the_top_has_no_traceback_of_the_interpreters() -> None:
    lines = await said(
        """
        class Gone:
            def __del__(self):
                raise OSError(CANARY)

        Gone()
        thread = threading.Thread(target=lambda: int(CANARY))
        thread.start()
        thread.join()
        raise KeyError(CANARY)
        """
    )
    assert [one["error"] for one in lines] == ["OSError", "ValueError", "KeyError"]


async def test_a_record_that_cannot_be_written_does_not_print_its_arguments() -> None:
    assert (
        await said(
            """
            class Broken:
                def __str__(self):
                    raise RuntimeError(CANARY)

            logging.getLogger("tandem").warning("a word", extra={"code": Broken()})
            """
        )
        == []
    )


@pytest.fixture
async def ingest() -> AsyncIterator[Ingest]:
    async with ingesting() as kept:
        yield kept


async def test_sentry_gets_class_frames_without_values_and_our_tags_and_nothing_else(ingest: Ingest) -> None:
    await said(
        """
        import sentry_sdk

        def breaks(secret):
            local = {"password": secret}
            raise RuntimeError(f"could not connect to postgres://u:{secret}@h/db")

        sentry_sdk.add_breadcrumb(message=CANARY, data={"token": CANARY})
        sentry_sdk.set_user({"email": CANARY})
        sentry_sdk.set_tag("who", CANARY)
        sentry_sdk.set_context("request", {"body": CANARY})
        sentry_sdk.set_extra("more", CANARY)
        logging.getLogger("slack_sdk").error(f"the answer was {CANARY}")
        try:
            try:
                breaks(CANARY)
            except RuntimeError as error:
                raise LookupError(CANARY) from error
        except LookupError:
            from bot.telemetry import about
            with about(7):
                logging.getLogger("tandem.slack").exception("a listener failed", extra={"text": CANARY})
        sentry_sdk.capture_exception(ValueError(CANARY))
        sentry_sdk.flush(5)
        """,
        DSN=ingest.dsn,
    )
    assert CANARY not in "".join(ingest.bodies)
    by_logger = {event.get("logger", ""): event for event in ingest.events()}
    assert set(by_logger) == {"slack_sdk", "tandem.slack", ""}
    listener = by_logger["tandem.slack"]
    assert listener["logentry"] == {"message": "a listener failed"}
    assert listener["tags"] == {"run": "r7"}
    assert [(v["type"], v["value"]) for v in listener["exception"]["values"]] == [
        ("RuntimeError", ""), ("LookupError", ""),
    ]  # fmt: skip
    frames = [frame for value in listener["exception"]["values"] for frame in value["stacktrace"]["frames"]]
    assert "breaks" in [frame["function"] for frame in frames]
    assert {name for frame in frames for name in frame} == {"module", "function", "lineno", "in_app"}
    allowed = {"event_id", "timestamp", "platform", "level", "release", "environment", "sdk", "exception", "logger",
               "logentry", "tags"}  # fmt: skip
    assert all(set(event) <= allowed for event in by_logger.values())


@pytest.mark.parametrize("straight", ["", "*"])
async def test_sentry_with_a_private_authority_is_reached_by_the_proxy_that_the_environment_names(
    ingest: Ingest, tmp_path: Path, straight: str
) -> None:
    authority = Authority(tmp_path)
    port = int(ingest.dsn.rpartition(":")[2].partition("/")[0])
    async with tunnelling() as tunnel, behind_tls(authority.server(60), port) as shown:
        lines = await said(
            """
            import sentry_sdk
            start_sentry(os.environ["FAR"], os.environ["AUTHORITY"])
            logging.getLogger("tandem").error("it is told afar")
            sentry_sdk.flush(5)
            """,
            FAR=f"https://public@127.0.0.1:{shown}/7", AUTHORITY=str(authority.ca_file), HTTPS_PROXY=tunnel.url,
            NO_PROXY=straight,
        )  # fmt: skip
    assert [one["said"] for one in lines] == ["it is told afar"]
    assert [event["logentry"] for event in ingest.events()] == [{"message": "it is told afar"}]
    assert tunnel.asked == ([] if straight else [f"127.0.0.1:{shown}"])


async def test_without_a_dsn_the_sdk_is_not_even_loaded() -> None:
    assert await said("import sys\nassert 'sentry_sdk' not in sys.modules") == []


async def test_a_dsn_that_is_none_is_refused_without_repeating_it() -> None:
    lines = await said("", DSN=f"https://{CANARY}/nothing")
    assert [one["error"] for one in lines] == ["ValueError"]
