"""The process settings: from the environment and from secret files; faults hold no value."""

import base64
from pathlib import Path

import pytest

from config.faults import Fault
from config.settings import SLACK, Settings, load, secret

KEY = base64.b64encode(bytes(range(32))).decode()


def settings(**environ: str) -> Settings:
    found = load(environ)
    assert isinstance(found, Settings), found
    return found


def faults(**environ: str) -> tuple[Fault, ...]:
    found = load(environ)
    assert isinstance(found, tuple)
    return found


def test_an_empty_environment_has_slacks_address_and_no_secret() -> None:
    found = settings()
    assert (found.slack_api_url, found.port, found.metrics_port, found.bot_token) == (SLACK, 3000, None, None)
    with pytest.raises(LookupError, match="set DATABASE_URL, or DATABASE_URL_FILE"):
        found.need("DATABASE_URL")


def test_everything_is_read_and_no_secret_is_ever_printed(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("xoxb-from-file\n")
    found = settings(
        SLACK_BOT_TOKEN_FILE=str(tmp_path / "token"),
        SLACK_APP_TOKEN="xapp-1",
        SLACK_API_URL="http://127.0.0.1:9000/api",
        DATABASE_URL="postgresql://bot:hunter2@db/tandem",
        TANDEM_SEAL_KEY=KEY,
        PORT="0",
        METRICS_PORT="9100",
        TANDEM_CONFIG="/etc/tandem",
    )
    assert found.need("SLACK_BOT_TOKEN").reveal() == "xoxb-from-file"
    assert found.seal_bytes() == bytes(range(32))
    assert (found.slack_api_url, found.port, found.metrics_port) == ("http://127.0.0.1:9000/api/", 0, 9100)
    assert (found.config, found.socket_mode) == (Path("/etc/tandem"), True)
    assert not {"hunter2", "xoxb", KEY} & {word for word in ("hunter2", "xoxb", KEY) if word in repr(found)}


def test_an_empty_variable_is_an_unset_one() -> None:
    assert settings(SLACK_APP_TOKEN="", PORT="").socket_mode is False


@pytest.mark.parametrize(
    ("environ", "what"),
    [
        ({"SLACK_BOT_TOKEN": "xoxp-hunter2"}, "begins otherwise than with xoxb-"),
        ({"DATABASE_URL": "mysql://hunter2"}, "begins otherwise than with postgres"),
        ({"TANDEM_SEAL_KEY": "hunter2"}, "is not 32 bytes in base64"),
        ({"TANDEM_PERSONAL_KEY": "hunter2"}, "TANDEM_PERSONAL_KEY is not 32 bytes in base64"),
        ({"TANDEM_PERSONAL_FORMER_KEYS": f"{KEY} hunter2"}, "TANDEM_PERSONAL_FORMER_KEYS holds one that is no key"),
        ({"TANDEM_SEAL_KEY": base64.b64encode(b"hunter2").decode()}, "is not 32 bytes in base64"),
        ({"SLACK_API_URL": "http://hunter2.example.com/"}, "no https address"),
        ({"PORT": "hunter2"}, "PORT"),
        ({"SSL_CERT_FILE": "/hunter2.pem"}, "no such file"),
        ({"SENTRY_DSN_FILE": "/no/such/file"}, "SENTRY_DSN_FILE names cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_set_and_without_the_value(environ: dict[str, str], what: str) -> None:
    found = faults(**environ)
    assert len(found) == 1
    assert what in found[0].what
    assert found[0].instead
    assert "hunter2" not in str(found[0])


def test_former_keys_stand_beside_each_other_with_blanks_or_lines_between() -> None:
    assert settings().former_personal_bytes() == ()
    found = settings(TANDEM_PERSONAL_FORMER_KEYS=f"{KEY}\n {base64.b64encode(b'q' * 32).decode()} ")
    assert found.former_personal_bytes() == (bytes(range(32)), b"q" * 32)


def test_all_faults_are_told_at_once() -> None:
    assert len(faults(PORT="x", METRICS_PORT="y", SENTRY_DSN_FILE="/no")) == 3


def test_a_secret_comes_from_its_variable_or_its_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    assert secret("SHOP_PASSWORD", {"SHOP_PASSWORD": "x", "SHOP_PASSWORD_FILE": str(file)}) == "x"
    assert secret("SHOP_PASSWORD", {"SHOP_PASSWORD_FILE": str(file)}) == "from the file"


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_secret_file_that_gives_nothing_is_said_by_its_variable(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(LookupError, match="SHOP_PASSWORD_FILE"):
        secret("SHOP_PASSWORD", {"SHOP_PASSWORD_FILE": str(file)})


def test_a_secret_that_is_not_set_says_what_to_set() -> None:
    with pytest.raises(LookupError, match="set SHOP_PASSWORD, or SHOP_PASSWORD_FILE to a file"):
        secret("SHOP_PASSWORD", {})
