"""Mail by SMTP: plain text from templates. A plan names its reader by a key; the address is looked up when sending."""

import re
import ssl
from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from string import Template
from typing import Any, ClassVar, Literal, Protocol
from uuid import UUID

from pydantic import Field, field_validator

from bot.connectors.users import Users
from bot.effect import Attempt, Connector, Effect, Permanent, SecretName, Survival, Target, Temporary
from bot.model import Record
from bot.operation import Database

_PLAIN_ADDRESS = re.compile(r"[!-;=?-~]{1,64}@[A-Za-z0-9.-]{1,255}")  # no blanks, no <>, ASCII as SMTP has it


class MailTemplate(Record):
    """`subject` and `body` hold $names, all of which a Send must give."""

    subject: str
    body: str

    @field_validator("subject", "body")
    @classmethod
    def _can_be_filled_in(cls, value: str) -> str:
        if not Template(value).is_valid():
            raise ValueError("a $ stands alone: write $$ for the sign itself")
        return value

    def names(self) -> frozenset[str]:
        """The names to be filled in."""
        return frozenset(Template(self.subject + "\n" + self.body).get_identifiers())


TEMPLATES: Mapping[str, MailTemplate] = {
    "banned": MailTemplate(
        subject="Your account has been suspended",
        body="""Hello,

your account was suspended $lasting. All its sessions were ended.

The reason given was:

    $reason

You may appeal. $appeal
Please quote the reference $reference. Somebody who did not take part in the decision will look at it again.
""",
    ),
    "unbanned": MailTemplate(
        subject="Your account is open again",
        body="""Hello,

the suspension of your account was lifted; you can sign in again. Nothing was deleted in the meantime.

Reference: $reference
""",
    ),
}


class MailSettings(Record):
    """One SMTP relay. `tls`: "start" upgrades the connection, "whole" is TLS from the start, "none" only locally."""

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["start", "whole", "none"] = "start"
    user: str | None = None
    password: SecretName | None = None
    sender: str  # "Company <help@company.example>"
    appeal: str = "Reply to this mail to do so."
    ca_file: str | None = None
    timeout: float = Field(default=20.0, gt=0, le=50)  # seconds, of each exchange
    templates: dict[str, MailTemplate] = Field(default_factory=dict)  # added to ours, or in their place

    @field_validator("sender")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if not _PLAIN_ADDRESS.fullmatch(parseaddr(value)[1]):
            raise ValueError("it holds no mail address: write it as Company <help@company.example>")
        return value


class MailReads(Protocol):
    """What a handler may know of mail."""

    async def templates(self) -> Sequence[str]:
        """The names of the templates there are."""

    async def appeal(self) -> str:
        """How to appeal, in a sentence from config."""


class SentOrNot(Exception):
    """The server had the message and went away before it said whether it takes it. The text holds no address."""


class Mail(Connector[MailReads, "Post"]):
    """`world.blocks` is the data of a MailSettings."""

    async def open(self) -> None:
        if not self.world.blocks:
            raise LookupError("config has no [connectors.mail]: add host and sender there")
        self.settings = MailSettings.model_validate(dict(self.world.blocks))
        self.known = {**TEMPLATES, **self.settings.templates}

    async def reads(self, target: Target | None) -> MailReads:
        return _Reads(self)

    async def hands(self, target: Target | None) -> "Post":
        return Post(self)

    async def address(self, ref: str) -> str:
        """Who a mail_ref is. Raises Permanent where nobody, Temporary where it cannot be looked up now."""
        kind, _, rest = ref.partition("/")
        database, _, user = rest.rpartition("/")
        try:
            user_id = UUID(user)
            users = await self.world.other(Users).hands(Database(key=database))
        except ValueError:
            raise Permanent("the reader's key is no user/<database>/<id>: nothing was sent") from None
        except LookupError as fault:
            raise Permanent(f"{fault.args[0]}: nothing was sent") from None
        if kind != "user":
            raise Permanent("the reader's key is no user/<database>/<id>: nothing was sent")
        found: str | None = await users.address(user_id)
        if found is None:
            raise Permanent(f"{ref} has no mail address: nothing was sent")
        return found


class _Reads:
    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    async def templates(self) -> Sequence[str]:
        return sorted(self._mail.known)

    async def appeal(self) -> str:
        return self._mail.settings.appeal


class Post:
    """The hands: one message, sent once."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    async def send(self, to: str, template: str, values: Mapping[str, str], key: str) -> None:
        """Raises Temporary or Permanent where the server took nothing, SentOrNot where nobody can know."""
        message = self._message(template, values, key)
        address = await self._mail.address(to)
        if not _PLAIN_ADDRESS.fullmatch(address):
            raise Permanent(f"{to} has an address that cannot be written to: nothing was sent")
        message["To"] = address
        fault = await self._transmit(message, address)
        if fault is not None:
            raise fault  # raised here, not in a handler: the library's exceptions hold the address

    def _message(self, template: str, values: Mapping[str, str], key: str) -> EmailMessage:
        found = self._mail.known.get(template)
        if found is None:
            raise Permanent(f"there is no mail template {template}: nothing was sent")
        missing = sorted(found.names() - values.keys())
        if missing:
            raise Permanent(f"mail template {template} lacks {', '.join(missing)}: nothing was sent")
        message = EmailMessage()
        message["From"] = self._mail.settings.sender
        message["Subject"] = " ".join(Template(found.subject).substitute(values).split())
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = f"<{key}@{parseaddr(self._mail.settings.sender)[1].rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(Template(found.body).substitute(values))
        return message

    async def _transmit(self, message: EmailMessage, address: str) -> Exception | None:
        """What became of it: None where the server took it, else the exception to raise."""
        import aiosmtplib

        s = self._mail.settings
        trust = None if s.tls == "none" else ssl.create_default_context(cafile=s.ca_file)
        client = aiosmtplib.SMTP(
            hostname=s.host,
            port=s.port,
            timeout=s.timeout,
            use_tls=s.tls == "whole",
            start_tls=False,  # by hand below, so that a server without it is told apart from one that is away
            tls_context=trust if s.tls == "whole" else None,
        )
        try:
            fault = await self._announce(client, address, trust)
            return fault or await self._hand_over(client, message)
        finally:
            client.close()

    async def _announce(self, client: Any, address: str, trust: ssl.SSLContext | None) -> Exception | None:
        """All that comes before the message itself: whatever fails here is proof that nothing was sent."""
        import aiosmtplib

        s = self._mail.settings
        try:
            await client.connect()
            if s.tls == "start":
                await client.ehlo()
                if not client.supports_extension("starttls"):
                    return Permanent("the mail server does not offer TLS, which mail.tls in config asks for")
                await client.starttls(tls_context=trust)
            if s.user and s.password:
                await client.login(s.user, self._mail.world.secret(s.password))
            await client.mail(parseaddr(s.sender)[1])
            await client.rcpt(address)
        except aiosmtplib.SMTPResponseException as fault:
            return _refused(fault.code, type(fault).__name__.removeprefix("SMTP"))
        except aiosmtplib.SMTPNotSupported:
            return Permanent("the mail server does not offer the login that mail.user in config asks for")
        except LookupError as fault:
            return Permanent(f"{fault.args[0]}; nothing was sent")
        except ssl.SSLCertVerificationError:
            return Permanent("the mail server's certificate is not trusted: set mail.ca_file; nothing was sent")
        except (aiosmtplib.SMTPException, OSError) as fault:
            return Temporary(f"the mail server cannot be reached ({type(fault).__name__}); nothing was sent")
        return None

    async def _hand_over(self, client: Any, message: EmailMessage) -> Exception | None:
        """The message. Only a word of the server after it is proof of anything."""
        import aiosmtplib

        try:
            await client.data(message.as_bytes())
        except aiosmtplib.SMTPDataError as fault:
            return _refused(fault.code, "DataError")
        except (aiosmtplib.SMTPException, OSError) as fault:
            return SentOrNot(f"the mail server went away after it had the message ({type(fault).__name__})")
        return None


def _refused(code: int, what: str) -> Exception:
    """The server's own no. Its text is left out: it often repeats the address."""
    said = f"the mail server answered {code} ({what}); nothing was sent"
    return Temporary(said) if 400 <= code < 500 else Permanent(said)


class Send(Effect[None]):
    """One mail to whom `to` names ("user/<database>/<id>"); its Message-ID is the step's key, for those who dedupe."""

    survives: ClassVar[Survival] = Survival.ONCE
    timeout: ClassVar[timedelta] = timedelta(seconds=60)
    internal: ClassVar[frozenset[str]] = frozenset({"template"})
    connector = Mail
    to: str
    template: str
    values: tuple[tuple[str, str], ...] = ()

    async def do(self, on: Any, at: Attempt) -> None:
        await on.send(self.to, self.template, dict(self.values), at.key)
