"""Whatever people, handlers and outside systems write: Slack takes every screen, with a tenth to spare."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from bot import render
from bot.fields import FieldSpec, Kind
from bot.help import AreaHelp, FieldHelp, OperationHelp, SearchHelp, Shortly
from bot.model import Doubt, Heading, Risk, State
from bot.operation import Answer, Call, Choice, Database, Loss, Offer, Plan, Refusal, Series, Step, Task
from bot.render import lists
from bot.render.card import lock_screen
from bot.render.details import details, review
from bot.render.form import Form, options, typed_line, word
from bot.render.help import help_message
from bot.render.message import Group, Message, Names
from bot.render.outcome import dead_end, refusal, told
from bot.render.picker import Item, picker
from bot.render.tell import KINDS
from bot.view import Brief, FreezeView, Outcome, RunView
from deploy.local.slack.limits import check_message_blocks, check_view
from tests.unit import rendered
from tests.unit.rendered import NOON, Take, approval, event, question

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
SPARE = 0.1
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink takes minutes, and the screens say enough
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
ANY = settings(max_examples=25, deadline=None, suppress_health_check=SLOW, phases=UNSHRUNK)
MANY = st.sampled_from([0, 1, 3, 60, 200])


def _long(piece: str, times: int) -> str:
    return piece * times


words = st.one_of(
    st.builds(_long, st.sampled_from(["x", "🦊", "é", "a b\n", "<!channel>&", "\u202e`*", "\n", "💥\u200d", " "]),
              st.sampled_from([0, 1, 74, 76, 149, 260, 1400, 3001])),
    st.text(max_size=80),
)  # fmt: skip
keys = st.builds(_long, st.sampled_from(["k", "ключ"]), st.sampled_from([1, 10]))
states = st.sampled_from(list(State))


def message(shown: Message) -> None:
    check_message_blocks(list(shown.blocks), margin=SPARE)
    assert shown.text
    assert len(shown.text.encode("utf-16-le")) / 2 <= 4000 * (1 - SPARE)
    assert len(json.dumps(shown.metadata)) < 7000


def view(shown: Any) -> None:
    check_view(shown, margin=SPARE)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    shop, offer = Database(key="shop"), Offer(label=draw(words), call=Call(command="ops db swap-back"), on="any")
    one, undo, leaves = draw(words), draw(st.booleans()), draw(words) or "a file"
    steps: list[Step[Any]] = []
    for n in range(draw(MANY)):
        does = Take(database=shop, name=f"{one}{n}")
        back: dict[str, Any] = {"undo": does} if undo else {"leaves": leaves}
        steps.append(Step(f"s{n}", does, tells=draw(words) if n < 3 else f"{one} {n}", **back))
    steps.append(Step("tick", Task(text=draw(words), who="requester", offers=(offer,)), tells=draw(words)))
    loses = tuple(
        Loss(what=draw(words), now=draw(st.sampled_from([None, 1e300, 7])), unit=draw(words)) for _ in range(2)
    )
    return Plan(
        sentence=draw(words), steps=tuple(steps), loses=loses * draw(st.sampled_from([0, 1, 60])),
        offers=(offer,) * draw(st.sampled_from([0, 1, 40])), tells=(draw(keys),),
    )  # fmt: skip


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    row = tuple(draw(st.lists(words, max_size=3))) * draw(st.sampled_from([1, 12]))
    points = tuple((NOON + timedelta(minutes=n), v) for n, v in enumerate(draw(st.lists(st.floats(), max_size=3))))
    return Answer(
        headline=draw(words), lines=(draw(words),) * draw(MANY), table=(row,) * draw(MANY), private=(draw(words),),
        file=draw(st.none() | words), series=Series(title=draw(words), unit=draw(words), points=points),
        offers=(Offer(label=draw(words), call=Call(command="ops x"), on="any"),),
    )  # fmt: skip


@st.composite
def names_(draw: st.DrawFn) -> Names:
    people = {f"p{n}": draw(words) for n in range(2)} | {f"q{n}": "Q" * 90 for n in range(draw(MANY))}
    groups = {key: Group(title=draw(words), members=tuple(people), mentions=("U0BEN",)) for key in ("dba", "sre")}
    return Names(people=people, groups=groups)


@st.composite
def runs(draw: st.DrawFn) -> RunView:
    made, state = draw(st.none() | plans()), draw(states)
    said = draw(words)
    bodies = {"why": said, "text": said, "sentence": said, "choice": said, "by": said, "changes": [said] * 30}
    kinds = ("looked", "denied", "cancelled", "superseded", "ask_back", "ended")
    events = [event(n + 1, kind, state, actor="p0", body={**bodies, "plan": "ab" * 32}) for n, kind in enumerate(kinds)]
    events += [event(9, "looked", state, actor=f"q{n}", body={"plan": "ab" * 32}) for n in range(draw(MANY))]
    return rendered.view(
        state, events, plan=made, reason=draw(words), requester_name=draw(words),
        params={"database": draw(words), "note": draw(words), "list": [draw(words)] * 40},
        environment=draw(keys), held_by=draw(st.none() | keys), schedule=draw(st.none() | keys),
        rivals=("r1", "r2", "r3", "r4"),
        freeze=draw(st.none() | st.builds(FreezeView, name=words, until=st.just(NOON))),
        look_only=draw(st.booleans()), heading=draw(st.sampled_from(list(Heading))),
        risk=draw(st.sampled_from(list(Risk))),
        answer=draw(st.none() | answers()), refusal=draw(st.none() | st.builds(Refusal, code=keys, sentence=words)),
        approvals=tuple(approval(f"q{n}", "Q" * 90) for n in range(draw(st.sampled_from([0, 1, 9])))),
        question=question(draw(st.sampled_from(list(Doubt)))).model_copy(update={"sentence": said}),
        no_standing=draw(words),
    )  # fmt: skip


@ANY
@given(runs(), names_())
def test_any_card(run: RunView, names: Names) -> None:
    message(render.card(run, names))
    assert lock_screen(run, names)
    if run.answer:
        message(render.answer(run))


@ANY
@given(runs(), names_())
def test_a_plan_that_fits_stands_on_its_card_whole(run: RunView, names: Names) -> None:
    """An approval counts for what was shown: where a card is shortened, it is never the plan that is."""
    asked = run.model_copy(update={"state": State.AWAITING, "look_only": False})
    if asked.plan is None or not asked.steps or not render.fits(asked):
        return
    shown = [
        part for block in render.card(asked, names).blocks if block["type"] == "rich_text" for part in block["elements"]
    ]
    (steps,) = [part for part in shown if part.get("style") == "ordered"]
    assert len(steps["elements"]) == len(asked.steps)
    said = json.dumps(shown, ensure_ascii=False)
    assert "more, in Details" not in said
    assert "the whole of it is in Details" not in said


@ANY
@given(runs(), names_(), st.sampled_from(sorted(KINDS)), words)
def test_any_reply(run: RunView, names: Names, kind: str, said: str) -> None:
    body = {"why": said, "text": said, "sentence": said, "choice": said, "by": said, "whom": said, "step": said,
            "changes": [said] * 60, "heading": "back", "after": said}  # fmt: skip
    last = event(21, kind, run.state, actor="p0", step="s0", body=body)
    told_ = run.model_copy(update={"events": (*run.events, last)})
    for reply in render.replies(told_, [last], names):
        message(reply)
        message(render.page(reply, "https://slack.example/archives/C1/p1"))
    if elsewhere := render.elsewhere(told_, last, names):
        message(elsewhere)


@ANY
@given(runs(), names_(), st.booleans())
def test_any_details_and_any_look_before_a_decision(run: RunView, names: Names, private: bool) -> None:
    view(details(run, names, private=private))
    view(review(run, names))


@ANY
@given(st.lists(st.builds(
    Brief, id=st.just(7), tag=st.just("r7"), command=words,
    params=st.dictionaries(st.sampled_from(["database", "services", "note"]), words), state=states,
    risk=st.sampled_from(list(Risk)),
    requester_name=words, reason=words, channel=st.just("C0INCIDENTS"), card_ts=st.none(), moved_at=st.just(NOON),
    expires_at=st.just(NOON), fingerprint=st.just("ab" * 32),
), max_size=2), MANY)  # fmt: skip
def test_any_home_and_any_list(some: list[Brief], many: int) -> None:
    briefs = [brief.model_copy(update={"id": n}) for n, brief in enumerate(some * many)]
    view(lists.home(briefs, briefs, briefs, briefs, NOON))
    message(lists.runs(briefs, NOON, title="Runs"))


specs = st.builds(
    FieldSpec, name=st.sampled_from(["database", "note", "mode", "reason"]), kind=st.sampled_from(list(Kind)),
    many=st.booleans(), required=st.booleans(), default=st.none() | words, description=words,
    choices=st.lists(words.filter(bool), max_size=3).map(tuple), target=keys,
)  # fmt: skip


def _valid(spec: FieldSpec) -> bool:
    chosen = bool(spec.choices) or spec.kind is not Kind.CHOICE
    return chosen and spec.kind in (Kind.TEXT, Kind.CHOICE, Kind.TARGET, Kind.SECRET, Kind.DURATION, Kind.SIZE)


@ANY
@given(st.lists(specs.filter(_valid), max_size=4, unique_by=lambda spec: spec.name), words, words, words, st.booleans())
def test_any_form(fields: list[FieldSpec], value: str, notice: str, command: str, reason: bool) -> None:
    form = Form(command or "ops", notice, fields, confirm="database", reason=reason, picked={"note"})
    filled = {spec.name: value for spec in fields} | {"database": value}
    line = typed_line("The same as a typed line:", f"/{command} {value}")
    view(form.view("d" * 36, filled, notice=notice, typed=line))
    view(form.view("d" * 36, filled, notice=notice, amends="r142"))
    view(word("7|" + "ab" * 32 + "|deny|", command or "Deny", notice, "Why", submit="Deny"))


@ANY
@example(at="é", name=_long("🦊", 149), summary=_long("é", 260), many=200, risk=Risk.WRITE)
@given(words, words, words, MANY, st.none() | st.sampled_from(list(Risk)))
def test_any_picker_and_what_is_picked(at: str, name: str, summary: str, many: int, risk: Risk | None) -> None:
    view(
        picker("d" * 36, at[:80], [Item(words=f"ops {name[:60]}{n}", summary=summary, risk=risk) for n in range(many)])
    )
    for entry in options([Choice(value=f"{name}{n}", text=summary) for n in range(many)]):
        assert 0 < len(entry["text"]["text"]) <= 67
        assert len(entry["value"]) <= 135


@ANY
@given(words, words, keys, MANY)
def test_any_help(said: str, other: str, key: str, many: int) -> None:
    listed = tuple(Shortly(command=f"ops {key}", summary=said, usage=other, risk=Risk.READ) for _ in range(many))
    message(help_message(SearchHelp(words=other, operations=listed, next=said)))
    fields = tuple(FieldHelp(key=key, what=said, required=False, default=other) for _ in range(many))
    message(help_message(OperationHelp(
        command=f"ops {key}", summary=said, text=other, usage=said, fields=fields, examples=(said, other),
        risk=Risk.READ, risk_words="only reads", here=(),
    )))  # fmt: skip
    message(help_message(AreaHelp(words=key, areas=((key, 3),) * many, operations=listed)))


@ANY
@given(words, words, st.lists(words, max_size=9))
def test_any_word_to_one_person(said: str, line: str, who: list[str]) -> None:
    message(told(said or "no", code=line))
    message(refusal(Outcome(code="same_words", sentence=said, who=tuple(who), ok=False), draft="d" * 36))
    view(dead_end(said))


@pytest.mark.parametrize("many", [46, 200])
def test_what_a_screen_has_too_much_of_is_counted(many: int) -> None:
    block = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
    }
    shown = Message(text="x", blocks=(block,) * many, kind="card", run=7)
    assert f"… and {many - 44} more, in Details" in json.dumps(shown.blocks, ensure_ascii=False)
    message(shown)
