"""Signatures as senders write them, and every way in which a delivery is not believed."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.hooks import Headers, Refused, believed, key_of
from config.company import Hook

AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SECRET = "a secret of sixteen signs or more"
BODY = json.dumps({"event": {"id": "e1", "occurred_at": AT.isoformat()}, "list": [{"at": 1794000000}]}).encode()


def hook(**more: str) -> Hook:
    base = {"run": "/ops health", "channel": "ops", "reason": "alert", "secret": "HOOK", "signature": "X-Signature",
            "time": "body:event.occurred_at"}  # fmt: skip
    return Hook.model_validate(base | more)


def headers(**given: str) -> Headers:
    return {name.lower().replace("_", "-"): [value] for name, value in given.items()}


def signature(signed: bytes, secret: str = SECRET) -> str:
    return hmac.digest(key_of(secret), signed, "sha256").hex()


def test_the_example_of_githubs_own_documentation() -> None:
    body, key = b"Hello, World!", key_of("It's a Secret to Everybody")
    given = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    with pytest.raises(Refused, match="body"):  # the signature fits; that body has no time in it
        believed(hook(signature="X-Hub-Signature-256"), key, headers(x_hub_signature_256=given), body)
    with pytest.raises(Refused, match="signature"):
        believed(hook(signature="X-Hub-Signature-256"), key, headers(x_hub_signature_256=given), body + b" ")


def test_the_example_of_standard_webhooks_and_none_of_its_parts_can_be_changed() -> None:
    rule = hook(signature="webhook-signature", signs="{id}.{time}.{body}", time="webhook-timestamp",
                delivery="webhook-id")  # fmt: skip
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    given = {"webhook_id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook_timestamp": "1614265330",
             "webhook_signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}  # fmt: skip
    found = believed(rule, key, headers(**given), b'{"test": 2432232314}')
    assert found.at == datetime.fromtimestamp(1614265330, UTC)
    assert "msg_" not in found.id
    for name, other in (("webhook_id", "msg_other"), ("webhook_timestamp", "1614265331"), ("webhook_signature", "v1,")):
        with pytest.raises(Refused, match="signature"):
            believed(rule, key, headers(**{**given, name: other}), b'{"test": 2432232314}')
    with pytest.raises(Refused, match="signature"):
        believed(rule, key_of("whsec_" + base64.b64encode(b"another key of 24 bytes.").decode()), headers(**given), b"")


def test_the_border_between_signed_parts_cannot_be_moved() -> None:
    rule = hook(signs="{id}.{time}.{body}", time="X-Time", delivery="X-Id")
    signed = signature(b"a.b.1794000000." + BODY)  # what a sender signed of "a", at "b.1794000000"
    with pytest.raises(Refused, match="headers"):
        believed(rule, key_of(SECRET), headers(x_id="a.b", x_time="1794000000", x_signature=signed), BODY)


@pytest.mark.parametrize(
    "shape", ["{hex}", "sha256={hex}", "v1={other},v1={hex}", "v1,{other} v1,{base64}", "{base64}"]
)
def test_every_usual_shape_of_a_signature_is_read(shape: str) -> None:
    digest = bytes.fromhex(signature(BODY))
    texts = {"hex": digest.hex(), "base64": base64.b64encode(digest).decode(), "other": "0" * 64}
    found = believed(hook(), key_of(SECRET), headers(x_signature=shape.format(**texts)), BODY)
    assert found.at == AT
    for wrong in ({**texts, "hex": "1" * 64, "base64": base64.b64encode(b"1" * 32).decode()}, dict.fromkeys(texts, "")):
        with pytest.raises(Refused, match="signature"):
            believed(hook(), key_of(SECRET), headers(x_signature=shape.format(**wrong)), BODY)


def test_grafana_signs_the_time_before_the_body() -> None:
    rule = hook(signs="{time}:{body}", time="X-Grafana-Alerting-Timestamp")
    given = headers(x_grafana_alerting_timestamp="1794000000", x_signature=signature(b"1794000000:" + BODY))
    assert believed(rule, key_of(SECRET), given, BODY).at == datetime.fromtimestamp(1794000000, UTC)


@pytest.mark.parametrize(
    ("given", "at"),
    [("1794000000", 1794000000), ("1794000000500", 1794000000.5), (1794000000, 1794000000),
     ("2026-11-06T12:00:00Z", 1793966400), ("2026-11-06T14:00:00.123456789+02:00", 1793966400.123456)],
)  # fmt: skip
def test_a_time_is_read_as_senders_write_it(given: str | int, at: float) -> None:
    body = json.dumps({"at": given}).encode()
    found = believed(hook(time="body:at"), key_of(SECRET), headers(x_signature=signature(body)), body)
    assert found.at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)


@pytest.mark.parametrize("given", ["2026-11-06T12:00:00", "yesterday", "", 17, True, None, [], "9" * 400, 1e99])
def test_a_time_that_is_none_is_not_believed(given: object) -> None:
    body = json.dumps({"at": given}).encode()
    with pytest.raises(Refused):
        believed(hook(time="body:at"), key_of(SECRET), headers(x_signature=signature(body)), body)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"event": 1}', b'"x"', b"\xff", b"[" * 100_000, b"null"])
def test_a_signed_body_without_its_time_is_not_believed(body: bytes) -> None:
    with pytest.raises(Refused, match="body"):
        believed(hook(), key_of(SECRET), headers(x_signature=signature(body)), body)


def test_a_header_that_is_missing_doubled_or_no_text_is_not_believed() -> None:
    good = signature(BODY)
    for given in ({}, {"x-signature": [good, good]}, {"x-signature": [good + "ä"]}, {"x-signature": ["\udcff"]}):
        with pytest.raises(Refused, match="headers"):
            believed(hook(), key_of(SECRET), given, BODY)


def test_without_an_id_of_its_own_a_delivery_is_known_by_what_was_signed() -> None:
    def id_of(rule: Hook, body: bytes, **more: str) -> str:
        return believed(rule, key_of(SECRET), headers(x_signature=signature(body), **more), body).id

    assert id_of(hook(), BODY) == id_of(hook(), BODY, x_github_delivery="another")
    assert id_of(hook(), BODY) != id_of(hook(), BODY + b" ")
    assert id_of(hook(delivery="body:event.id"), BODY) == id_of(hook(delivery="body:event.id"), BODY + b" ")


@pytest.mark.parametrize("secret", ["", "short", "whsec_not base64 at all"])
def test_a_secret_that_is_none_makes_no_key(secret: str) -> None:
    with pytest.raises(ValueError, match=": write "):
        key_of(secret)
