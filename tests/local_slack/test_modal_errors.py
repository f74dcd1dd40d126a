"""What stands under the inputs of a modal: the app's errors, and what Slack's client says by itself."""

from __future__ import annotations

from tests.local_slack.bench import Bench, modal, plain, text_input
from tests.local_slack.test_modals import opened


async def test_errors_stay_under_their_inputs_and_what_was_typed_stays(bench: Bench) -> None:
    @bench.bolt.view("form")
    async def submitted(ack):
        await ack(response_action="errors", errors={"why": "Say more."})

    view = await opened(bench, modal("form", text_input("why", "Reason")))
    done = await bench.slack.submit("ada", view, {"why": "x"})
    assert (done.ok, done.errors) == (False, {"why": "Say more."})
    still = await bench.slack.view("ada")
    assert still is not None
    assert still["errors"] == {"why": "Say more."}
    assert still["state"]["values"]["why"]["text"]["value"] == "x"


async def test_slacks_own_checks_send_nothing(bench: Bench) -> None:
    number = {
        "type": "input",
        "block_id": "n",
        "label": plain("Days"),
        "element": {"type": "number_input", "action_id": "n", "is_decimal_allowed": False, "max_value": "30"},
    }
    view = await opened(bench, modal("form", text_input("why", "Reason", min_length=5), number))
    done = await bench.slack.submit("ada", view, {"why": "abc", "n": "31"})
    assert done.result == "blocked"
    assert set(done.errors) == {"why", "n"}
    assert await bench.slack.log(kind="delivery", name="view_submission") == []


async def test_an_update_takes_the_apps_errors_away_and_not_what_is_still_missing(bench: Bench) -> None:
    """The client says the latter by itself, and no app hears of it."""

    @bench.bolt.view("form")
    async def submitted(ack):
        await ack(response_action="errors", errors={"why": "Say more."})

    form = modal("form", text_input("why", "Reason"), text_input("who", "Who"))
    view = await opened(bench, form)
    missing = (await bench.slack.submit("ada", view, {})).errors
    assert set(missing) == {"why", "who"}
    await bench.api.views_update(view_id=view["id"], view=form)
    assert (await bench.slack.view("ada") or {})["errors"] == missing
    await bench.slack.choose("ada", view, "text", "me", block_id="who")
    await bench.api.views_update(view_id=view["id"], view=form)
    assert set((await bench.slack.view("ada") or {})["errors"]) == {"why"}, "the other one is there by now"
    assert (await bench.slack.submit("ada", view, {"why": "x"})).errors == {"why": "Say more."}
    await bench.api.views_update(view_id=view["id"], view=form)
    assert (await bench.slack.view("ada") or {})["errors"] == {}


async def test_what_is_typed_is_counted_as_every_other_text(bench: Bench) -> None:
    view = await opened(bench, modal("form", text_input("why", "Reason", min_length=3, max_length=3)))
    assert (await bench.slack.submit("ada", view, {"why": "🦊🦊"})).errors == {
        "why": "Please enter at most 3 characters."
    }
    await bench.slack.switches(characters="code_points")
    assert (await bench.slack.submit("ada", view, {"why": "🦊🦊"})).errors == {
        "why": "Please enter at least 3 characters."
    }
