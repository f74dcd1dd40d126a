"""What goes through a proxy and what goes straight there: Slack's calls, files and sockets, buckets, services."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext, create_default_context
from urllib.parse import urlsplit

import pytest
from slack_bolt.async_app import AsyncApp

from bot.connectors.http import Healthy, Http, MaintenanceOn, ServiceSettings, UnderMaintenance
from bot.connectors.http_looks import Grade, Seen
from bot.connectors.vault.s3 import Bucket
from bot.effect import Blind, Temporary, World
from bot.metrics import CountedClient, Metrics
from bot.operation import Service, Unseen
from bot.outgoing import proxy_for
from bot.slack import socket_door
from deploy.local.slack import SlackServer
from tests.integration.certificates import Authority
from tests.integration.reached import Try
from tests.integration.test_vault_s3 import LOGIN
from tests.local_slack.bench import workspace_spec
from tests.support.wires import Tunnel, behind_tls, tunnelling

NAMES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@dataclass
class Far:
    """A Slack whose calls lead to one port, and whose files and sockets to another; both by TLS."""

    slack: SlackServer
    calls: int
    others: int
    tunnel: Tunnel
    trust: SSLContext

    async def used(self) -> set[int]:
        """Which of the ports the proxy was asked for, once a call, a file and a socket had their answers."""
        app = self.slack.app()
        client = CountedClient(
            Metrics(), token=app.bot_token, base_url=f"https://127.0.0.1:{self.calls}/api/", ssl=self.trust
        )
        assert (await client.auth_test())["ok"]
        assert (await client.files_upload_v2(filename="plan.txt", content="step by step"))["ok"]
        handler = socket_door(AsyncApp(client=client, signing_secret="-"), app.app_token)
        await handler.connect_async()
        assert await handler.client.is_connected()
        await handler.close_async()
        asked = [place.partition(":") for place in self.tunnel.asked]
        assert {host for host, _, _ in asked} <= {"127.0.0.1"}
        return {int(port) for _, _, port in asked}


@pytest.fixture
async def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Far]:
    authority = Authority(tmp_path)
    slack = SlackServer(workspace_spec(socket=True))
    await slack.start()
    port = urlsplit(slack.url).port or 0
    tls = authority.server(60)
    async with tunnelling() as tunnel, behind_tls(tls, port) as calls, behind_tls(tls, port) as others:
        slack.core.base_url = f"https://127.0.0.1:{others}"
        monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
        yield Far(slack, calls, others, tunnel, create_default_context(cafile=str(authority.ca_file)))
    await slack.stop()


@pytest.mark.parametrize("straight", ["", "example.com,10.0.0.1", "27.0.0.1"])
async def test_slack_is_reached_through_the_proxy(far: Far, straight: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", straight)
    assert await far.used() == {far.calls, far.others}


@pytest.mark.parametrize("straight", ["127.0.0.1", "example.com, 127.0.0.1", "*"])
async def test_slack_is_reached_straight_where_no_proxy_names_it(
    far: Far, straight: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", straight)
    assert await far.used() == set()


async def test_each_of_slacks_hosts_is_judged_for_itself(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", f"127.0.0.1:{far.calls}")
    assert await far.used() == {far.others}
    far.tunnel.asked.clear()
    monkeypatch.setenv("no_proxy", f"127.0.0.1:{far.others}")
    assert await far.used() == {far.calls}


@pytest.mark.parametrize("straight", ["", "127.0.0.1"])
async def test_services_and_buckets_go_the_same_way(
    straight: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is asked for something that is not there: it is the way that counts."""
    authority, shop = Authority(tmp_path), Service(key="shop")
    slack = SlackServer(workspace_spec())
    await slack.start()
    async with AsyncExitStack() as stack:
        tunnel = await stack.enter_async_context(tunnelling())
        shown = behind_tls(authority.server(60), urlsplit(slack.url).port or 0)
        url = f"https://127.0.0.1:{await stack.enter_async_context(shown)}"
        monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
        monkeypatch.setenv("NO_PROXY", straight)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        settings = ServiceSettings(url=url, ca_file=str(authority.ca_file), dependencies={"vendor": f"{url}/status"})
        http = Http(World(targets={"shop": settings}))
        await http.open()
        stack.push_async_callback(http.close)
        await (await http.reads(shop)).probe()
        looks = len(tunnel.asked)
        bucket = await Bucket.open(stack, "backups", "", str(authority.ca_file), endpoint_url=url, **LOGIN)
        assert await bucket.read("shop/one.dump") is None
        assert (looks > 2, len(tunnel.asked) > looks) == ((not straight,) * 2)
    await slack.stop()


async def test_a_vendors_status_page_does_not_go_the_way_of_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tunnelling() as tunnel:
        monkeypatch.setenv("HTTP_PROXY", tunnel.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1:1")
        settings = ServiceSettings(url="http://127.0.0.1:1", dependencies={"vendor": "http://127.0.0.1:2/status"})
        http = Http(World(targets={"shop": settings}))
        await http.open()
        await (await http.reads(Service(key="shop"))).probe()
        await http.close()
    assert tunnel.asked == ["GET http://127.0.0.1:2/status"]


WANTS = "the proxy wants a name and password"


@asynccontextmanager
async def guarded(tmp_path: Path, scheme: str, account: str = "") -> AsyncIterator[Http]:
    """A service behind a proxy that wants a name and password."""
    authority, slack = Authority(tmp_path), SlackServer(workspace_spec())
    await slack.start()
    port = urlsplit(slack.url).port or 0
    async with tunnelling("ana:p@ss") as tunnel, behind_tls(authority.server(60), port) as tls:
        settings = ServiceSettings(
            url=f"{scheme}://127.0.0.1:{tls if scheme == 'https' else port}",
            proxy=tunnel.url.replace("//", f"//{account}"),
            ca_file=str(authority.ca_file),
            maintenance_url="/switch",
            maintenance_token="SWITCH",
        )
        http = Http(World(targets={"shop": settings}, secret={"SWITCH": "canary"}.__getitem__))
        await http.open()
        yield http
        await http.close()
    await slack.stop()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_a_password_is_named_and_not_told_as_the_services_fault(
    scheme: str, tmp_path: Path
) -> None:
    shop = Service(key="shop")
    async with guarded(tmp_path, scheme) as http:
        reads, hands = await http.reads(shop), await http.hands(shop)
        found = await reads.probe()
        looks = {name: seen for name, seen in found.items() if name != "DNS"}
        assert looks == dict.fromkeys(("HTTP", "TLS") if scheme == "https" else ("HTTP",), Unseen(WANTS))
        for look in (Healthy(services=(shop,)), UnderMaintenance(services=(shop,))):
            assert await look.look(hands) == Blind(f"shop: {WANTS}")
        with pytest.raises(Temporary, match=f"^shop's maintenance switch: {WANTS}$"):
            await MaintenanceOn(services=(shop,)).do(hands, Try("close"))


async def test_the_name_and_password_in_the_proxys_address_lead_through(tmp_path: Path) -> None:
    async with guarded(tmp_path, "https", "ana:p%40ss@") as http:
        found = await (await http.reads(Service(key="shop"))).probe()
        http_, tls = found["HTTP"], found["TLS"]
        assert isinstance(http_, Seen)  # whatever it says of a path that is not there
        assert isinstance(tls, Seen)
        assert tls.grade is Grade.GOOD


@pytest.mark.parametrize(
    ("environ", "url", "via"),
    [
        ({}, "https://slack.com/api/", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://slack.com/api/", "http://p:1"),
        ({"HTTPS_PROXY": "p:1"}, "wss://wss-primary.slack.com/link", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "https://slack.com/api/", None),
        ({"HTTP_PROXY": "http://p:1", "https_proxy": "http://q:1"}, "ws://127.0.0.1/x", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:1"}, "https://slack.com", "http://q:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".slack.com"}, "https://files.slack.com/x", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "slack.com"}, "https://notslack.com/x", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "[::1]"}, "https://[::1]:8443/x", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "sentry.example"}, "https://key@sentry.example/7", None),
    ],
)
def test_the_rules_are_those_of_python(
    environ: dict[str, str], url: str, via: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == via


def test_nobody_else_decides() -> None:
    root = Path(__file__).parents[2] / "bot"
    asks = {
        str(path.relative_to(root)): text
        for path in root.rglob("*.py")
        if "getproxies" in (text := path.read_text()) or "proxy_bypass" in text
    }
    assert list(asks) == ["outgoing.py"]
