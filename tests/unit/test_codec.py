"""Plans and results to canonical JSON and back."""

import hashlib
import json
from datetime import timedelta
from typing import ClassVar

import pytest
from pydantic import ValidationError

from bot import codec
from bot.effect import Ref, Secret, Until, Watch
from bot.operation import Call, IfFails, Loss, Nudge, Offer, Plan, Task, Wait
from tests.unit.paper import Backup, Ban, Dump, Healthy, Look, Mint, Post, Set, Use, plan, step

DEEDS = {codec.kind_of(kind): kind for kind in (Ban, Dump, Healthy, Look, Mint, Post, Set, Use)}
EVERYTHING = plan(
    step("dump", Dump(), leaves="a backup"),
    step("set", Set(name="x", value=Ref("dump")), undo=Set(name="y")),
    step("mint", Mint(), leaves="wiped"),
    step("use", Use(secret=Ref("mint")), leaves="nothing", group="g"),
    step("ban", Ban(users=frozenset({"u2", "u1"}), count=2, rows=1.5), no_return=True, group="g", tells="Ban them"),
    step("until", Until(check=Healthy(), within=timedelta(minutes=5)), if_fails=IfFails.ASK),
    step("watch", Watch(check=Healthy(service="web"), lasting=timedelta(minutes=1), bad_looks=2)),
    step("wait", Wait(lasting=timedelta(days=30)), tells="Wait"),
    step("call", Call(command="ops db backup", params={"database": "shop"}), undo=Set()),
    step("task", Task(text="Look", who="dba", nudges=(Nudge(after=timedelta(hours=1), whom="on-call"),)), tells="Look"),
    step("shut", Set(), closes="set"),
    loses=(Loss(what="minutes", now=7, at_most=37, unit="min"),),
    offers=(Offer(label="Again", call=Call(command="ops db backup")),),
    tells=("#releases",),
)


def test_a_plan_comes_back_as_it_was() -> None:
    text = codec.encode_plan(EVERYTHING)
    assert codec.decode_plan(text, DEEDS) == EVERYTHING
    assert codec.encode_plan(codec.decode_plan(text, DEEDS)) == text


def test_equal_plans_have_one_text_whatever_order_their_sets_were_written_in() -> None:
    one, other = (plan(step("b", Ban(users=frozenset(names)))) for names in (("b", "a", "c"), ("c", "b", "a")))
    assert codec.encode_plan(one) == codec.encode_plan(other)
    assert '"users":["a","b","c"]' in codec.encode_plan(one)


def test_the_fingerprint_is_the_sha_256_of_the_text() -> None:
    text = codec.encode_plan(plan(step("ä")))
    assert codec.fingerprint(text) == hashlib.sha256(text.encode()).hexdigest()
    assert "ä" in text


@pytest.mark.parametrize("other", [{"locks": ["page/p2"], "risk": 1}, {"locks": ["page/p1"], "risk": 2}, {}])
def test_the_same_steps_upon_another_target_are_another_fingerprint(other: dict[str, object]) -> None:
    made = plan(step("a", Set(name="a")))
    one = codec.encode_plan(made, upon={"locks": ["page/p1"], "risk": 1})
    assert codec.fingerprint(codec.encode_plan(made, upon=other)) != codec.fingerprint(one)


@pytest.mark.parametrize("other", [Set(name="a", value=1), Set(name="b"), Ban()])
def test_any_other_argument_is_another_fingerprint(other: Set | Ban) -> None:
    one = codec.encode_plan(plan(step("a", Set(name="a"))))
    assert codec.fingerprint(codec.encode_plan(plan(step("a", other)))) != codec.fingerprint(one)


def test_every_argument_is_written_with_its_default_and_its_version() -> None:
    stored = json.loads(codec.encode_plan(plan(step("s", Set()))))["steps"][0]
    assert stored["does"]["args"] == {"name": "x", "value": 0}
    assert stored["does"]["kind"].endswith("paper.Set@1")


def test_the_kinds_a_plan_needs_include_its_undo_and_what_its_checks_look_with() -> None:
    needed = codec.kinds(codec.encode_plan(plan(step("d", Dump(), undo=Set()), step("u", EVERYTHING.steps[5].does))))
    assert {kind.rsplit(".", 1)[1] for kind in needed} == {"Dump@1", "Set@1", "Healthy@1"}


def test_a_version_this_process_lacks_is_named() -> None:
    text = codec.encode_plan(plan(step("s", Set()))).replace("Set@1", "Set@2")
    with pytest.raises(codec.UnknownDeed, match="Set@2"):
        codec.decode_plan(text, DEEDS)


def test_a_new_version_is_another_kind_and_the_old_one_is_still_read_as_what_it_was() -> None:
    class Set2(Set):
        version: ClassVar[int] = 2

    Set2.__name__ = "Set"
    kinds = {codec.kind_of(kind): kind for kind in (Set, Set2)}
    assert len(kinds) == 2
    assert {kind.rpartition("@")[2] for kind in kinds} == {"1", "2"}
    for kind in (Set, Set2):
        text = codec.encode_plan(plan(step("s", kind())))
        assert type(codec.decode_plan(text, kinds).steps[0].does) is kind


def test_an_argument_nobody_knows_is_refused() -> None:
    text = codec.encode_plan(plan(step("s", Set()))).replace('"name":"x"', '"name":"x","extra":1')
    with pytest.raises(ValidationError):
        codec.decode_plan(text, DEEDS)


def test_a_result_comes_back_as_it_was_and_a_wrong_one_is_refused() -> None:
    data = codec.encode_result(Dump(), Backup(name="b1", bytes=5))
    assert codec.decode_result(Dump(), json.loads(json.dumps(data))) == Backup(name="b1", bytes=5)
    assert codec.decode_result(Until(check=Healthy(), within=timedelta(1)), 3) == 3
    with pytest.raises(ValueError, match="Backup"):
        codec.encode_result(Dump(), "b1")


def test_a_secret_is_never_written() -> None:
    with pytest.raises(ValueError, match="sealed"):
        codec.encode_result(Mint(), Secret("canary"))
    with pytest.raises(ValueError, match="Secret") as refused:
        codec.encode_plan(plan(step("u", Use(secret=Secret("canary")), leaves="x")))
    assert "canary" not in str(refused.value)


def test_results_are_filled_in_and_a_missing_one_is_said() -> None:
    assert codec.fill(Set(value=Ref("a")), {"a": 7}) == Set(value=7)
    assert codec.fill(Use(secret=Ref("m")), {"m": Secret("s")}).secret == Secret("s")
    assert codec.fill((Set(value=Ref("a")), 1), {"a": 7}) == (Set(value=7), 1)
    with pytest.raises(KeyError):
        codec.fill(Set(value=Ref("a")), {})


def test_a_placeholder_is_passed_whole_or_not_at_all() -> None:
    ref = step("a").result
    for use in (str, bool, lambda r: f"{r}"):
        with pytest.raises(TypeError, match="not known at plan time"):
            use(ref)
    with pytest.raises((TypeError, AttributeError)):
        ref + 1  # type: ignore[operator]


def test_a_filled_value_must_fit_its_field() -> None:
    with pytest.raises(ValidationError):
        codec.fill(Set(value=Ref("a")), {"a": "seven"})


def test_an_empty_plan_is_a_plan() -> None:
    assert codec.decode_plan(codec.encode_plan(Plan(sentence="Nothing to do")), {}) == Plan(sentence="Nothing to do")
