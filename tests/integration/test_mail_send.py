"""Mail to a real SMTP server in process: taken, refused before and after the message, and gone with the message."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiosmtpd.smtp import SMTP

from bot.connectors.mail import Mail, Send, SentOrNot
from bot.connectors.postgres import Postgres
from bot.connectors.users import Users
from bot.effect import Permanent, Temporary
from deploy.local.ports import kept_port
from tests.integration.certificates import Authority
from tests.integration.reached import PASSWORD, Reached, Try, database, password

JANE, NOBODY = UUID(int=1), UUID(int=9)
ADDRESS = "jane.canary@example.com"
SQL = Path(__file__).parents[2] / "deploy" / "local" / "supabase.sql"
VALUES = (("appeal", "Reply."), ("lasting", "for 7d"), ("reason", "späm & more"), ("reference", "r142"))
SEND = Send(to=f"user/shop/{JANE}", template="banned", values=VALUES)


class Box:
    """A mail server's handler: keeps what it took; `rcpt` and `data` are answers to give instead."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.rcpt = self.data = ""
        self.drops = False

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.rcpt:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data:
            return self.data
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.taken.append(found)
        if self.drops:
            server.transport.abort()
        return "250 taken"


@pytest.fixture
async def box() -> AsyncIterator[tuple[Box, int]]:
    handler, loop = Box(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    yield handler, server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def join(make_database: Any) -> AsyncIterator[Any]:
    url = await make_database()
    owner = await asyncpg.connect(url)
    await owner.execute(SQL.read_text())
    await owner.execute("INSERT INTO auth.users (id, email) VALUES ($1, $2)", JANE, ADDRESS)
    joined = Reached({PASSWORD: password(url)}, {"shop": database(url)})
    await joined.add(Postgres)
    await joined.add(Users)

    async def hands(port: int, **changes: Any) -> Any:
        block = {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "Shop <help@shop.test>", "timeout": 2}
        return await (await joined.add(Mail, {**block, **changes})).hands(None)

    yield hands
    await joined.close()
    await owner.close()


async def test_a_mail_reaches_whom_the_key_names_with_the_steps_key_as_its_id(box: Any, join: Any) -> None:
    server, port = box
    await SEND.do(await join(port), Try("mail"))
    (mail,) = server.taken
    assert mail["To"] == ADDRESS
    assert mail["Message-ID"] == "<r142/mail@shop.test>"
    assert mail["Subject"] == "Your account has been suspended"
    body = mail.get_content()
    assert "suspended for 7d" in body
    assert "späm & more" in body
    assert "reference r142" in body


async def test_sent_twice_is_two_mails_of_one_id_which_is_why_it_is_once(box: Any, join: Any) -> None:
    server, port = box
    hands = await join(port)
    for number in (1, 2):
        await SEND.do(hands, Try("mail", number))
    assert [mail["Message-ID"] for mail in server.taken] == ["<r142/mail@shop.test>"] * 2


@pytest.mark.parametrize(
    ("where", "answer", "kind"),
    [
        ("rcpt", f"450 {ADDRESS} is busy", Temporary),
        ("rcpt", f"550 no such user {ADDRESS}", Permanent),
        ("data", "451 try again", Temporary),
        ("data", f"554 refused for {ADDRESS}", Permanent),
    ],
)
async def test_a_servers_no_is_proof_and_its_text_is_not_repeated(
    box: Any, join: Any, where: str, answer: str, kind: type[Exception]
) -> None:
    server, port = box
    setattr(server, where, answer)
    with pytest.raises(kind, match=answer[:3]) as refused:
        await SEND.do(await join(port), Try("mail"))
    assert server.taken == []
    assert "canary" not in chain(refused.value)


async def test_a_reset_after_the_message_is_neither_temporary_nor_permanent(box: Any, join: Any) -> None:
    server, port = box
    server.drops = True
    with pytest.raises(SentOrNot) as unknown:
        await SEND.do(await join(port), Try("mail"))
    assert len(server.taken) == 1, "it was sent"
    assert not isinstance(unknown.value, Temporary | Permanent)
    assert "canary" not in chain(unknown.value)


async def test_silence_after_the_message_is_unknown_too(join: Any) -> None:
    said: list[bytes] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test\r\n")
        while line := await reader.readline():
            said.append(line)
            if line == b".\r\n":
                await reader.read()  # and never a word
                break
            if not said or not any(s.upper().startswith(b"DATA") for s in said[:-1]):
                writer.write(b"354 go on\r\n" if line.upper().startswith(b"DATA") else b"250 OK\r\n")
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    hands = await join(server.sockets[0].getsockname()[1], timeout=0.5)
    with pytest.raises(SentOrNot):
        await SEND.do(hands, Try("mail"))
    assert b".\r\n" in said
    server.close()


async def test_nobody_listening_is_temporary(join: Any) -> None:
    with kept_port() as port, pytest.raises(Temporary, match="cannot be reached") as refused:
        await SEND.do(await join(port), Try("mail"))
    assert "canary" not in chain(refused.value)


async def test_a_server_without_tls_gets_nothing_where_config_asks_for_it(box: Any, join: Any) -> None:
    server, port = box
    with pytest.raises(Permanent, match="does not offer TLS"):
        await SEND.do(await join(port, tls="start"), Try("mail"))
    assert server.taken == []


async def test_a_server_with_tls_is_spoken_to_in_secret_and_only_where_it_is_trusted(join: Any, tmp_path: Path) -> None:
    authority, loop, handler = Authority(tmp_path), asyncio.get_running_loop(), Box()
    context = authority.server(60)
    make = lambda: SMTP(handler, hostname="mail.test", loop=loop, tls_context=context, require_starttls=True)  # noqa: E731
    server = await loop.create_server(make, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await SEND.do(await join(port, tls="start", ca_file=str(authority.ca_file)), Try("mail"))
    assert len(handler.taken) == 1
    with pytest.raises(Permanent, match="certificate is not trusted"):
        await SEND.do(await join(port, tls="start"), Try("mail", 2))
    assert len(handler.taken) == 1
    server.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"to": f"user/shop/{NOBODY}"}, "has no mail address"),
        ({"to": f"user/web/{JANE}"}, "config has no database web"),
        ({"to": "user/shop/jane"}, "is no user/<database>/<id>"),
        ({"to": f"person/shop/{JANE}"}, "is no user/<database>/<id>"),
        ({"template": "lost"}, "no mail template lost"),
        ({"values": VALUES[1:]}, "lacks appeal"),
    ],
)
async def test_what_cannot_be_sent_is_permanent_before_anything_is_sent(
    box: Any, join: Any, change: dict[str, Any], why: str
) -> None:
    server, port = box
    with pytest.raises(Permanent, match=why):
        await SEND.model_copy(update=change).do(await join(port), Try("mail"))
    assert server.taken == []


async def test_a_companys_own_template_takes_the_place_of_ours(box: Any, join: Any) -> None:
    server, port = box
    own = {"banned": {"subject": "Gesperrt", "body": "Grund: $reason\n"}}
    await SEND.do(await join(port, templates=own), Try("mail"))
    assert server.taken[0]["Subject"] == "Gesperrt"


async def test_config_that_cannot_work_is_refused_when_mail_is_opened(join: Any) -> None:
    with pytest.raises(ValueError, match="a \\$ stands alone"):
        await join(25, templates={"mine": {"subject": "x", "body": "5 $ off"}})
    with pytest.raises(ValueError, match="holds no mail address"):
        await join(25, sender="Shop")


def chain(error: BaseException | None) -> str:
    """All texts of an exception and of what led to it: what a tracker would send away."""
    said = ""
    while error is not None:
        said += repr(error) + repr(error.args)
        error = error.__cause__ or error.__context__
    return said
