"""What every test may ask for: the session's PostgreSQL, a database, a Chromium, a word in the end; and skips."""

import gc
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings
from playwright.async_api import Browser

from deploy import chromium as programs
from deploy.local.postgres import Server
from tests import skips
from tests.browsing import running
from tests.databases import Databases, SessionServer, Template
from tests.together import Together

pytest_plugins = ["tests.support.plugin"]
MakeDatabase = Callable[..., Awaitable[str]]
Tell = Callable[[str], None]
TOLD = "told"
SESSION = pytest.StashKey[SessionServer]()
settings.register_profile("shared-machine", deadline=None)  # how long an example takes there says nothing of the code
settings.load_profile("shared-machine")


def pytest_configure() -> None:
    skips.demanded()
    gc.set_threshold(50_000, 20, 50)  # a tenth of a worker's time went into looking at the same hundred MiB again


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """The process that the person started owns the server's folder; xdist's workers are told where it is."""
    if not hasattr(session.config, "workerinput") and not session.config.option.collectonly:
        session.config.stash[SESSION] = SessionServer()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Instead of xdist's own order."""
    return Together(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: what a worker is told before it starts."""
    if SESSION in node.config.stash:
        node.workerinput["tandem_home"] = str(node.config.stash[SESSION].database_home)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Also after Ctrl-C; after a kill the guard does the same alone."""
    if SESSION in config.stash:
        config.stash[SESSION].close()


@pytest.fixture(scope="session")
def pg_server(request: pytest.FixtureRequest) -> Server:
    """The session's PostgreSQL, started by the first test that asks. With fsync off: a kill of it loses nothing.

    Tests connect thousands of times, and their roles' passwords are no secrets to be made costly to guess.
    """
    worker = getattr(request.config, "workerinput", None)
    home = Path(worker["tandem_home"]) if worker else request.config.stash[SESSION].database_home
    return Server.start(home, durable=False, settings={"scram_iterations": "1"})


@pytest.fixture(scope="session")
def databases(pg_server: Server) -> Iterator[Databases]:
    """The worker's own way to make and drop databases."""
    made = Databases(pg_server)
    yield made
    made.close()


@pytest.fixture(scope="session")
def template_database() -> Template | None:
    """What a test's database is a copy of, built once a session; None: an empty database."""
    return None


@pytest.fixture
async def make_database(databases: Databases, template_database: Template | None) -> AsyncIterator[MakeDatabase]:
    """`await make_database()` gives the superuser's URL of a new database; it is dropped after the test.

    `template` takes another Template than the session's, or None for an empty database.
    """
    made: list[str] = []

    async def make(template: Template | None = template_database) -> str:
        name = f"test_{secrets.token_hex(6)}"
        made.append(name)
        return await databases.create(name, template)

    yield make
    for name in made:
        await databases.drop(name)


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Says a line in the end of the session, also of a test that passed: `tell("mail: 34 points")`."""
    return partial(record_property, TOLD)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Under xdist too: what a test told comes along with its report."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.getreports(kind) if one.when == "call"]
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {said}"
        for report in reports
        for name, said in report.user_properties
        if name == TOLD
    ]
    if lines:
        terminalreporter.section("what tests tell")
        for line in sorted(lines):
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program."""
    found = programs.chromium()
    if found is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    return Path(found)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """The worker's one browser, started by the first test that asks."""
    async with running(chromium) as browser:
        yield browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Runs in xdist's workers too."""
    report = yield
    skips.refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A whole module may be skipped while it is read."""
    report = yield
    skips.refuse(report)
    return report
