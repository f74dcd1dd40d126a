"""Escaping, answers, details, lists, forms: the smaller pieces, each within Slack's limits."""

from datetime import timedelta
from typing import Any, Literal

import pytest
from pydantic import TypeAdapter

from bot import render
from bot.durations import parse_duration
from bot.effect import Secret
from bot.fields import fields
from bot.model import ENDS, Mark, Risk, State, Way
from bot.model import Choice as Answered
from bot.operation import Answer, Choice, Database, Input, Series
from bot.render.answer import sparkline, table
from bot.render.blocks import chunks, quoted
from bot.render.buttons import Verb, pack, unpack
from bot.render.details import APPROVE_CALLBACK, review
from bot.render.escape import clean, fallback
from bot.render.fit import OPTIONS
from bot.render.form import Form, options
from bot.render.lists import runs
from bot.render.outcome import SENTENCES, dead_end, refusal, told
from bot.render.picker import Item, picker
from bot.render.steps import standing
from bot.render.words import value
from bot.view import Outcome, Usual
from deploy.local.slack.client import shown_text
from deploy.local.slack.limits import check_view
from tests.unit.rendered import HOSTILE, NAMES, NOON, brief, event, ledger, long_plan, mrkdwn, question, shown, view


class Params(Input):
    database: Database
    mode: Literal["fast", "careful"] = "careful"
    many: tuple[Database, ...] = ()
    count: int = 3
    ratio: float = 0.5
    force: bool = False
    window: timedelta = timedelta(minutes=5)
    password: Secret | None = None
    note: str = ""


def form(**more: Any) -> dict[str, Any]:
    return Form("ops db restore", "Restore a database.", fields(Params), reason=True, **more).view("draft-1", {})


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\x00", "\x1b", "\ufeff", "\u00ad"])
def test_invisible_characters_are_gone(hidden: str) -> None:
    assert clean(f"a{hidden}b") == "ab"


def test_line_ends_and_composed_emoji_stay() -> None:
    assert clean("a\r\nb\u2028c") == "a\nb\nc"
    assert clean("👩\u200d🚒") == "👩\u200d🚒"


def test_the_fallback_pings_nobody() -> None:
    assert fallback("<!channel> & <@U1> *bold*") == "&lt;!channel&gt; &amp; &lt;@U1&gt; bold"


def test_pieces_of_a_long_text_make_the_text_again() -> None:
    whole = "\n".join(f"line {n} " + "x" * (n % 97) for n in range(500)) + "y" * 9000
    pieces = chunks(whole)
    assert "".join(pieces) == whole
    assert max(map(len, pieces)) <= 2800


def test_a_table_stands_in_columns_with_numbers_to_the_right() -> None:
    drawn = table((("App", "Sessions"), ("web", "9"), ("worker", "120")))
    assert drawn.splitlines() == ["App     Sessions", "──────  ────────", "web            9", "worker       120"]


def test_a_table_too_wide_for_a_phone_is_a_list_with_every_cell_behind_its_heading() -> None:
    wide = (("Application", "PID", "State", "Longest"), ("tandem-engine", "17", "idle in transaction", "2m59s"))
    answered = view(State.SUCCEEDED, answer=Answer(headline="x", table=wide))
    words = shown(render.answer(answered)).words
    assert "tandem-engine\n: PID 17, state idle in transaction, longest 2m59s" in words
    assert "rich_text_preformatted" not in str(render.answer(answered).blocks)


def test_a_table_without_rows_is_not_shown() -> None:
    answered = view(State.SUCCEEDED, answer=Answer(headline="no pool could be seen", table=(("service", "in use"),)))
    assert "in use" not in shown(render.card(answered, NAMES)).words


@pytest.mark.parametrize("span", [timedelta(days=36500), timedelta(days=400, hours=3), timedelta(seconds=90)])
def test_a_duration_is_shown_as_it_can_be_typed_however_long_it_is(span: timedelta) -> None:
    stored = TypeAdapter(timedelta).dump_python(span, mode="json")
    assert parse_duration(value(stored)) == span


def test_a_large_table_goes_into_a_file_whole_and_is_shown_in_part() -> None:
    rows = (("Key", "Value"), *((f"key-{n}", "v" * 50) for n in range(200)))
    shaped = view(State.SUCCEEDED, answer=Answer(headline="200 keys", table=rows))
    message = render.answer(shaped)
    assert message.file is not None
    assert "key-199" in message.file.text
    assert "The whole table, 200 rows, is in the file." in shown(message).words


def test_a_read_without_an_answer_has_nothing_to_show() -> None:
    with pytest.raises(LookupError):
        render.answer(view(State.RUNNING))


def test_a_series_is_a_line_of_bars_that_keeps_its_peaks() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    peaked = [0.0] * 500
    peaked[321] = 9.0
    assert sparkline(peaked).count("█") == 1
    assert sparkline([3, 3, 3]) == "▁▁▁"


def test_a_series_says_its_bounds_and_bears_gaps() -> None:
    points = tuple((NOON + timedelta(minutes=n), v) for n, v in enumerate([1.0, float("nan"), 4.0]))
    answer = Answer(headline="Lag", series=Series(title="Lag", unit="s", points=points))
    words = shown(render.answer(view(State.SUCCEEDED, answer=answer))).words
    assert "lowest 1, highest 4, last 4 s" in words


def test_what_is_private_is_only_in_details_and_only_for_who_may_see_it() -> None:
    shaped = view(State.SUCCEEDED, answer=Answer(headline="One user", private=("jane@example.com",)))
    assert "jane@example.com" not in shown(render.card(shaped, NAMES)).words
    assert "jane@example.com" not in str(render.details(shaped, NAMES))
    assert "jane@example.com" in str(render.details(shaped, NAMES, private=True))


@pytest.mark.parametrize("state", list(State))
def test_details_are_a_modal_that_slack_takes(state: State) -> None:
    events = ledger(("safety", Mark.STARTED), ("safety", Mark.DONE)) * 100
    modal = render.details(view(state, events, plan=long_plan()), NAMES)
    check_view(modal)
    assert mrkdwn(modal) == []


def test_a_review_shows_the_whole_plan_and_approves_that_very_one() -> None:
    modal = review(view(State.AWAITING), NAMES)
    check_view(modal)
    assert modal["callback_id"] == APPROVE_CALLBACK
    hint = unpack(modal["private_metadata"])
    assert hint is not None
    assert (hint.run, hint.fingerprint, hint.verb) == (142, "ab" * 32, Verb.APPROVE)
    assert "submit" not in review(view(State.RUNNING), NAMES)


def test_a_review_says_what_its_card_says_and_no_more() -> None:
    """What, on what, who asks, why, what is lost, who decides, each step with its way back, until when."""
    asked = view(State.AWAITING)
    there, here = list(render.card(asked, NAMES).blocks), review(asked, NAMES)["blocks"]
    assert [one for one in here if one["type"] != "actions"][1:] == [one for one in there if one["type"] != "actions"][
        1:
    ]
    assert here[0]["text"]["text"] == "Approve for shop?"
    said = shown_text({"blocks": here})
    for part in ("Restore shop from", "Asked by Ana Lopes", "drill of the quarter", "every write since",
                 "aside=shop_old",
                 "can be undone", "point of no return", "May approve: Ben Ito", "If nobody answers by"):  # fmt: skip
        assert part in said


def test_a_plan_that_no_card_holds_is_read_in_the_review_and_one_that_no_modal_holds_is_decided_on_its_card() -> None:
    long, endless = (review(view(State.AWAITING, plan=long_plan(many)), NAMES) for many in (90, 900))
    check_view(long)
    check_view(endless)
    assert "part-89" * 8 in shown_text(long)
    assert long["submit"]["text"] == "Approve"
    assert "submit" not in endless
    assert "do it on its card" in shown_text(endless)


def test_a_form_has_a_fitting_field_for_every_kind_and_the_reason_last() -> None:
    modal = form(confirm="database")
    check_view(modal)
    inputs = {b["block_id"]: b for b in modal["blocks"] if b["type"] == "input"}
    kinds = {name: block["element"]["type"] for name, block in inputs.items()}
    assert kinds == {
        "database": "external_select", "mode": "static_select", "many": "multi_external_select",
        "count": "number_input", "ratio": "number_input", "force": "checkboxes", "window": "plain_text_input",
        "password": "plain_text_input", "note": "plain_text_input", "reason": "plain_text_input",
        "_confirm": "plain_text_input", "_look": "checkboxes",
    }  # fmt: skip
    assert list(inputs)[-3:] == ["reason", "_confirm", "_look"]
    assert not inputs["database"]["optional"]
    assert not inputs["reason"]["optional"]
    assert inputs["note"]["optional"]


def test_a_form_keeps_what_was_typed_and_its_memo_is_a_rows_id_alone() -> None:
    values = {"database": "shop", "mode": "fast", "count": "7", "reason": "drill"}
    modal = Form("ops db restore", "Restore.", fields(Params), reason=True).view("draft-1", values)
    check_view(modal)
    elements = {b["block_id"]: b["element"] for b in modal["blocks"] if b["type"] == "input"}
    assert elements["database"]["initial_option"]["value"] == "shop"
    assert elements["mode"]["initial_option"]["value"] == "fast"
    assert elements["count"]["initial_value"] == "7"
    assert elements["window"]["initial_value"] == "5m"
    assert modal["private_metadata"] == "draft-1"


@pytest.mark.parametrize(
    ("reason", "channel", "said"),
    [
        (True, "C0OPS", "After Ask, its card with the whole plan follows in <#C0OPS>."),
        (True, "D0ANA", "After Ask, its card with the whole plan follows here."),
        (False, "C0OPS", "After Show, the answer follows in <#C0OPS>."),
    ],
)
def test_a_form_says_where_what_comes_of_it_will_stand(reason: bool, channel: str, said: str) -> None:
    form = Form("ops db restore", "Restore.", fields(Params), reason=reason)
    assert said in shown_text(form.view("d", {}, channel=channel))
    assert "follows" not in shown_text(form.view("d", {}, channel=channel, amends="r142"))


def test_a_form_that_amends_offers_no_look() -> None:
    modal = Form("ops db restore", "Restore.", fields(Params), reason=True).view("d", {}, amends="r142")
    assert "_look" not in [b.get("block_id") for b in modal["blocks"]]
    assert modal["submit"]["text"] == "Change"


def test_the_field_that_confirms_says_what_to_type_once_that_is_known() -> None:
    form = Form("ops db restore", "Restore.", fields(Params), confirm="database", reason=True)
    (known,) = [b for b in form.view("d", {"database": "shop"})["blocks"] if b.get("block_id") == "_confirm"]
    assert known["element"]["placeholder"]["text"] == "type shop"
    assert "initial_value" not in known["element"]
    (open_,) = [b for b in form.view("d", {})["blocks"] if b.get("block_id") == "_confirm"]
    assert "placeholder" not in open_["element"]


def test_each_line_that_can_be_typed_stands_alone() -> None:
    (rich, *_) = told("Did you mean this?", code="/ops db restore\n/ops db backup").blocks
    typed = [[part["text"] for part in one["elements"]] for one in rich["elements"][1:]]
    assert typed == [["/ops db restore"], ["/ops db backup"]]


def test_a_select_gets_each_entry_once_and_no_more_than_slack_takes() -> None:
    many = [Choice(value=f"v{n % 150}", text="x" * 200) for n in range(400)]
    assert len(options(many)) == OPTIONS
    assert options([Choice(value="", text="nothing")]) == []


def test_the_picker_says_what_each_operation_does_to_the_world() -> None:
    items = [
        Item(words="ops db", summary="pool, restore"),
        *(Item(words=f"ops {r.name}", summary="", risk=r) for r in Risk),
    ]
    names = [one["text"]["text"].partition("\n")[0] for one in picker("draft", "", items)["blocks"]]
    assert names == ["db …", "READ · reads", "WRITE · changes", "DESTRUCTIVE · needs two people"]


def test_the_picker_is_a_modal_that_slack_takes_at_every_size() -> None:
    items = [Item(words=f"ops db do-{n}", summary=HOSTILE, risk=Risk.WRITE) for n in range(300)]
    for shown_items in ([], items[:3], items):
        check_view(picker("draft", "ops db", shown_items))
    assert mrkdwn(picker("draft", "ops db", items)) == []


def test_a_list_of_runs_puts_doubts_first() -> None:
    message = runs([brief(1), brief(2, State.RUNNING), brief(3, State.IN_DOUBT)], NOON)
    words = shown(message).words
    assert words.index("r3") < words.index("r1") < words.index("r2")
    assert "Nothing runs" in shown(runs([], NOON)).words


@pytest.mark.parametrize("code", [*SENTENCES, "a-code-of-tomorrow"])
def test_every_outcome_is_told_in_words(code: str) -> None:
    message = refusal(Outcome(code=code, ok=False, tag="r7", who=("Ben", "Cara")), draft="d")
    words = shown(message).words
    assert len(words) > 5
    assert "Ben or Cara could." in words
    assert "{" not in words


def test_plain_words_and_dead_ends_are_ones_that_slack_takes() -> None:
    assert "/ops help" in shown(told("There is no such thing.", code="/ops help")).words
    check_view(dead_end(HOSTILE * 50))


def test_a_card_tells_how_long_the_same_took_before_and_a_step_how_far_it_is_in_that() -> None:
    before = Usual(runs=5, took=timedelta(seconds=312), steps={"load": timedelta(seconds=240)})
    asked = shown(render.card(view(State.AWAITING, usual=before), NAMES)).words
    assert "took about 5m12s the last 5 times" in asked
    begun = [event(10, "step_started", step="load", way=Way.DO, attempt=1, mark=Mark.STARTED)]
    running = shown(render.card(view(State.RUNNING, begun, usual=before), NAMES)).words
    assert "under way, 1m50s of about 4m" in running
    once = shown(render.card(view(State.AWAITING, usual=Usual(runs=1, took=timedelta(milliseconds=80))), NAMES)).words
    assert "took less than a second last time" in once


@pytest.mark.parametrize(
    ("done", "total", "unit", "told"),
    [
        (600 << 20, 1200 << 20, "B", "600MiB of 1.17GiB (50 %), 6MiB/s, about 1m40s left"),
        (50, 200, "rows", "50 of 200 rows (25 %), about 5m left"),
        (5000, None, "rows", "5,000 rows, 50/s"),
        (200, 200, "", "200 of 200 (100 %), 2/s"),
        (0, 9, "tables", "0 of 9 tables (0 %)"),
    ],
)
def test_progress_has_its_unit_its_pace_and_what_is_left(
    done: float, total: float | None, unit: str, told: str
) -> None:
    begun = view(State.RUNNING, [event(20, "step_started", step="load", way=Way.DO, attempt=1, mark=Mark.STARTED)])
    load = begun.steps[1].model_copy(update={"done": done, "total": total, "unit": unit})
    assert standing(begun, load).endswith(f"1m40s, {told}")


def test_after_an_attempt_that_was_cut_off_no_pace_is_told() -> None:
    begun = view(State.RUNNING, [event(20, "step_started", step="load", way=Way.DO, attempt=2, mark=Mark.STARTED)])
    load = begun.steps[1].model_copy(update={"done": 50.0, "total": 200.0})
    assert standing(begun, load).endswith("50 of 200 (25 %)")


def test_answers_so_far_are_named() -> None:
    asked = question().model_copy(update={"answers": (("Ben Ito", Answered.AGAIN),)})
    assert "Ben Ito: Do it again" in shown(render.card(view(State.IN_DOUBT, question=asked), NAMES)).words


@pytest.mark.parametrize("verb", list(Verb))
def test_a_menus_value_keeps_the_stricter_reading_and_a_card_of_old_is_understood(verb: Verb) -> None:
    fingerprint = "0f" * 31 + "fe"
    value = pack(99_999_999, fingerprint, verb)
    assert len(value) <= 75 * 0.9
    old = f"99999999|{fingerprint}|{verb.value}|"
    assert unpack(value) == unpack(old)
    assert str(unpack(old)).count(fingerprint) == 1


@pytest.mark.parametrize(
    ("typed", "leads"),
    [
        ("About https://x.slack.com/archives/C0/p12?thread_ts=1.2&cid=C0: twice", "https://x.slack.com/archives/C0/p12?thread_ts=1.2&cid=C0"),
        ("https://x.example/a.", "https://x.example/a"),
        ("(see https://x.example/a)", "https://x.example/a"),
        ("<https://evil.example|the wiki>", "https://evil.example"),
        ("javascript:alert(1) and ftp://x", None),
        ("", None),
    ],
)  # fmt: skip
def test_an_address_in_what_somebody_typed_leads_there_and_shows_itself(typed: str, leads: str | None) -> None:
    elements = quoted(typed)["elements"]
    assert [one["url"] for one in elements if one["type"] == "link"] == ([leads] if leads else [])
    assert all("text" not in one for one in elements if one["type"] == "link"), "what is shown is where it leads"
    assert "".join(one.get("url") or one["text"] for one in elements).strip() == typed


def test_a_digest_says_of_what_was_decided_no_more_than_is_so() -> None:
    """A yes may wait for others' or for the end of a freeze; what is amended is decided anew."""
    told_of = render.digest([brief(4)], [brief(1)], [brief(2, State.DENIED), brief(3, State.PLANNING)], NOON)
    words = shown(told_of).words
    assert "r1 ops db restore shop: approved by you; not started yet" in words
    assert "r2 ops db restore shop: denied" in words
    assert "r3" not in words


def test_a_digest_in_which_nothing_waits_says_only_what_stays_true() -> None:
    """It is not edited any more: what runs when the last request is decided will have ended when somebody reads it."""
    on_the_way = [brief(n, state) for n, state in enumerate(sorted(set(State) - ENDS - {State.PLANNING}), 2)]
    words = shown(render.digest([], [brief(1)], [*on_the_way, brief(9, State.SUCCEEDED)], NOON)).words
    assert "r1 ops db restore shop: approved by you\n" in words
    assert "r9 ops db restore shop: done" in words
    for one in on_the_way:
        assert f"{one.tag} ops db restore shop: decided, and went on\n" in words
    for passing in ("running", "about to", "not started", "waiting for", "stopped"):
        assert passing not in words
