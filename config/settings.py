"""What the process is told by its environment; every secret also comes from a file that `NAME_FILE` names."""

import base64
import binascii
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bot.effect import Secret
from config.faults import Fault
from config.wording import worded

SLACK = "https://slack.com/api/"
FOLDER = "company"
SLACK_SECRETS = frozenset({"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"})
PERSONAL_KEYS = ("TANDEM_PERSONAL_KEY", "TANDEM_PERSONAL_FORMER_KEYS")
SECRETS = SLACK_SECRETS | {"TANDEM_SEAL_KEY", *PERSONAL_KEYS, "DATABASE_URL", "TANDEM_OWNER_URL", "SENTRY_DSN"}
KEY_BYTES = 32


def _named(name: str, *more: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(name, *more))


class Settings(BaseModel):
    """The process settings. None: not set. Secrets are revealed only where they are used."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    bot_token: Secret | None = _named("SLACK_BOT_TOKEN")
    signing_secret: Secret | None = _named("SLACK_SIGNING_SECRET")
    app_token: Secret | None = _named("SLACK_APP_TOKEN")
    slack_api_url: str = Field(default=SLACK, validation_alias="SLACK_API_URL")
    database_url: Secret | None = _named("DATABASE_URL")
    owner_url: Secret | None = _named("TANDEM_OWNER_URL")
    config: Path = Field(default=Path(FOLDER), validation_alias="TANDEM_CONFIG")
    host: str = Field(default="0.0.0.0", validation_alias="HOST")  # noqa: S104  behind the platform's own front
    port: int = Field(default=3000, ge=0, le=65535, validation_alias="PORT")
    metrics_port: int | None = Field(default=None, ge=0, le=65535, validation_alias="METRICS_PORT")
    sentry_dsn: Secret | None = _named("SENTRY_DSN")
    seal_key: Secret | None = _named("TANDEM_SEAL_KEY")
    personal_key: Secret | None = _named("TANDEM_PERSONAL_KEY")
    personal_former: Secret | None = _named("TANDEM_PERSONAL_FORMER_KEYS")
    certificates: Path | None = _named("SSL_CERT_FILE")

    @field_validator("slack_api_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if not parts.hostname or parts.scheme not in ("https", "http") or (parts.scheme == "http" and not local):
            raise ValueError(f"it is no https address: write e.g. {SLACK}")
        return value if value.endswith("/") else f"{value}/"

    @field_validator("certificates")
    @classmethod
    def _a_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("there is no such file: write the path of a PEM file, or unset it")
        return value

    @model_validator(mode="after")
    def _secrets_are_what_they_should_be(self) -> Self:
        for name, secret, start in (
            ("SLACK_BOT_TOKEN", self.bot_token, "xoxb-"),
            ("SLACK_APP_TOKEN", self.app_token, "xapp-"),
            ("DATABASE_URL", self.database_url, "postgres"),
            ("TANDEM_OWNER_URL", self.owner_url, "postgres"),
        ):
            if secret is not None and not secret.reveal().startswith(start):
                raise ValueError(f"{name} begins otherwise than with {start}: write the one that does")
        for name, key in (("TANDEM_SEAL_KEY", self.seal_key), ("TANDEM_PERSONAL_KEY", self.personal_key)):
            if key is not None and len(_decoded(key.reveal())) != KEY_BYTES:
                how = "openssl rand -base64 32"
                raise ValueError(f"{name} is not {KEY_BYTES} bytes in base64: write what `{how}` prints")
        if any(len(key) != KEY_BYTES for key in self.former_personal_bytes()):
            raise ValueError(
                f"{PERSONAL_KEYS[1]} holds one that is no key: write former {PERSONAL_KEYS[0]}s, blanks between"
            )
        return self

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is reached by Socket Mode; else over HTTP with the signing secret."""
        return self.app_token is not None

    def seal_bytes(self) -> bytes:
        """The key of sealed secrets, 32 bytes. Raises LookupError with what to set."""
        return _decoded(self.need("TANDEM_SEAL_KEY").reveal())

    def personal_bytes(self) -> bytes | None:
        """The key under which personal values are kept, 32 bytes; None where it is not set."""
        return _decoded(self.personal_key.reveal()) if self.personal_key else None

    def former_personal_bytes(self) -> tuple[bytes, ...]:
        """The keys under which personal values were kept before, 32 bytes each."""
        return tuple(_decoded(key) for key in self.personal_former.reveal().split()) if self.personal_former else ()

    def need(self, name: str) -> Secret:
        """A secret setting by its variable's name. Raises LookupError with what to set."""
        found = {
            "SLACK_BOT_TOKEN": self.bot_token,
            "SLACK_SIGNING_SECRET": self.signing_secret,
            "SLACK_APP_TOKEN": self.app_token,
            "DATABASE_URL": self.database_url,
            "TANDEM_OWNER_URL": self.owner_url,
            "SENTRY_DSN": self.sentry_dsn,
            "TANDEM_SEAL_KEY": self.seal_key,
            "TANDEM_PERSONAL_KEY": self.personal_key,
        }[name]
        if found is None:
            raise LookupError(_not_set(name))
        return found

    def trust(self) -> ssl.SSLContext:
        """Whom outgoing connections trust: SSL_CERT_FILE where set, else the system's certificates."""
        return ssl.create_default_context(cafile=str(self.certificates) if self.certificates else None)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where config lies, also where something else of the environment is wrong."""
    return Path(environ.get("TANDEM_CONFIG") or FOLDER)


def load(environ: Mapping[str, str] = os.environ) -> Settings | tuple[Fault, ...]:
    """The settings, or everything that is wrong with the environment; no fault holds a value."""
    values: dict[str, Any] = {name: value for name, value in environ.items() if value and name not in SECRETS}
    faults: list[Fault] = []
    for name in sorted(SECRETS):
        try:
            values[name] = Secret(secret(name, environ))
        except LookupError as wrong:
            if f"{name}_FILE" in environ:
                faults.append(Fault(file="environment", what=str(wrong), instead=f"Mend {name}_FILE, or set {name}"))
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        return (*faults, *(_fault(dict(one)) for one in error.errors(include_url=False, include_input=False)))
    return tuple(faults) if faults else settings


def _fault(error: dict[str, Any]) -> Fault:
    """Pydantic's objection to a variable, or our own to several; none repeats a value."""
    if error["loc"]:
        what, instead = worded(str(error["loc"][0]), error)
    else:
        what, _, instead = str(error["msg"]).removeprefix("Value error, ").partition(": write ")
        instead = f"Write {instead}"
    return Fault(file="environment", what=what, instead=instead)


def secret(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """The secret of that name, from the variable itself or from the file that `NAME_FILE` names.

    Raises LookupError with what to set; the text never holds the value.
    """
    if environ.get(name):
        return environ[name]
    path = environ.get(f"{name}_FILE")
    if not path:
        raise LookupError(_not_set(name))
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LookupError(f"the file that {name}_FILE names cannot be read ({type(error).__name__})") from None
    if not text:
        raise LookupError(f"the file that {name}_FILE names is empty; write the secret into it")
    return text


def _not_set(name: str) -> str:
    return f"the secret {name} is not set; set {name}, or {name}_FILE to a file that holds it"
