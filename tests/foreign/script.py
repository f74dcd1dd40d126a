"""What people do with the app, one interaction each: the same for every language and transport."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from deploy.local.slack.client import shown_text
from tests.foreign.apps import Foreign

Interaction = Callable[[Foreign], Awaitable[None]]


async def opened(app: Foreign) -> dict[str, Any]:
    """The order form, as Ada sees it."""
    assert (await app.slack.command("ada", "lunch", "/order")).ok
    return await app.slack.wait_for_view("ada", callback_id="order")


async def ordered(app: Foreign, name: str) -> Any:
    """The form, sent with that name."""
    return await app.slack.submit("ada", await opened(app), {"name": name})


async def closed(app: Foreign) -> None:
    """Ada has no modal any more."""
    assert await app.slack.views("ada") == []


async def board(app: Foreign) -> dict[str, Any]:
    """A new board in the channel."""
    before = {one["ts"] for one in await app.slack.messages("ada", "lunch")}
    assert (await app.slack.command("ada", "lunch", "/board")).ok

    async def new() -> dict[str, Any] | None:
        seen = await app.slack.messages("ada", "lunch")
        return next((one for one in seen if one["ts"] not in before and one["text"] == "The board"), None)

    return await app.slack.wait_for(new, what="new board")


async def text_of(app: Foreign, ts: str) -> str | None:
    """What stands in the channel under that ts."""
    return next((shown_text(one) for one in await app.slack.messages("bo", "lunch") if one["ts"] == ts), None)


async def a_command_is_answered_to_its_sender_alone(app: Foreign) -> None:
    ran = await app.slack.command("ada", "lunch", "/echo soup & <salad>")
    assert ran.ok
    told = await app.slack.wait_for_ephemeral("ada", "lunch", text="You said: soup")
    assert told["ephemeral"]
    assert not [one for one in await app.slack.messages("bo", "lunch") if "You said" in one["text"]]


async def a_command_is_answered_to_everybody_by_its_response_url(app: Foreign) -> None:
    assert (await app.slack.command("ada", "lunch", "/announce stew is out")).ok
    told = await app.slack.wait_for_message("bo", "lunch", text="Hear, hear: stew is out")
    assert told["bot_id"] == app.server.app().bot_id


async def a_command_opens_a_modal(app: Foreign) -> None:
    view = await opened(app)
    assert (view["title"]["text"], view["private_metadata"]) == ("Order", app.id("lunch"))
    await app.slack.cancel("ada", view)


async def a_modal_is_sent_and_closes(app: Foreign) -> None:
    assert (await ordered(app, "Ada")).ok
    told = await app.slack.wait_for_message("bo", "lunch", text="Ada eats, says")
    assert told["text"] == f"Ada eats, says <@{app.id('ada')}>, nowhere"
    await closed(app)


async def a_submission_is_answered_with_errors(app: Foreign) -> None:
    sent = await ordered(app, "nobody")
    assert sent.errors == {"name": "Somebody has to eat it"}
    assert (await app.slack.submit("ada", None, {"name": "Bo"})).ok
    await closed(app)


async def a_submission_is_answered_with_another_view(app: Foreign) -> None:
    assert (await ordered(app, "look")).ok
    (view,) = await app.slack.views("ada")
    assert "Looked up" in shown_text(view)
    await app.slack.cancel("ada", view)


async def a_submission_is_answered_with_a_view_on_top(app: Foreign) -> None:
    assert (await ordered(app, "ask")).ok
    below, top = await app.slack.views("ada")
    assert (below["callback_id"], top["previous_view_id"]) == ("order", below["id"])
    await app.slack.cancel("ada", top, everything=True)


async def a_submission_clears_everything(app: Foreign) -> None:
    assert (await ordered(app, "never mind")).ok
    await closed(app)


async def a_button_in_a_modal_updates_it(app: Foreign) -> None:
    view = await opened(app)
    assert (await app.slack.click("ada", view, "more")).ok

    async def more() -> dict[str, Any] | None:
        now = await app.slack.view("ada")
        return now if now and "There is _more_" in shown_text(now) else None

    now = await app.slack.wait_for(more, what="updated modal")
    assert now["id"] == view["id"]
    assert now["hash"] != view["hash"]
    await app.slack.cancel("ada", now)


async def a_button_in_a_modal_pushes_another(app: Foreign) -> None:
    view = await opened(app)
    assert (await app.slack.click("ada", view, "details")).ok
    top = await app.slack.wait_for_view("ada", title="Details")
    assert (top["previous_view_id"], top["root_view_id"]) == (view["id"], view["id"])
    await app.slack.cancel("ada", top)
    await app.slack.cancel("ada", view)


async def an_external_select_offers_options_and_its_choice_is_told(app: Foreign) -> None:
    view = await opened(app)
    found = await app.slack.suggest("ada", view, "dish", "s")
    assert [one["value"] for one in found.options] == ["soup", "salad", "stew"]
    assert [one["value"] for one in (await app.slack.suggest("ada", view, "dish", "ste")).options] == ["stew"]
    assert (await app.slack.choose("ada", view, "dish", "stew")).ok

    async def told() -> bool:
        return "*Stew* it is" in shown_text(await app.slack.view("ada") or {})

    await app.slack.wait_for(told, what="the dish in the form")
    await app.slack.cancel("ada")


async def an_external_select_offers_groups_and_its_value_is_sent(app: Foreign) -> None:
    view = await opened(app)
    found = await app.slack.suggest("ada", view, "place", "")
    assert [one["label"]["text"] for one in found.option_groups] == ["Inside", "Outside"]
    assert (await app.slack.submit("ada", view, {"name": "Cy", "place": "garden"})).ok
    await app.slack.wait_for_message("bo", "lunch", text=f"Cy eats, says <@{app.id('ada')}>, garden")


async def a_closed_modal_is_told(app: Foreign) -> None:
    await app.slack.cancel("ada", await opened(app))
    await app.slack.wait_for_message("bo", "lunch", text="cleared: False")
    await app.slack.cancel("ada", await opened(app), everything=True)
    await app.slack.wait_for_message("bo", "lunch", text="cleared: True")


async def a_button_replaces_its_message(app: Foreign) -> None:
    message = await board(app)
    assert (await app.slack.click("ada", message, "Take")).ok

    async def replaced() -> bool:
        return await text_of(app, message["ts"]) == f"Taken by <@{app.id('ada')}> for 42"

    await app.slack.wait_for(replaced, what="the board replaced")


async def a_button_deletes_its_message(app: Foreign) -> None:
    message = await board(app)
    assert (await app.slack.click("ada", message, "Drop")).ok

    async def gone() -> bool:
        return await text_of(app, message["ts"]) is None

    await app.slack.wait_for(gone, what="the board gone")


async def a_button_answers_one_and_then_all(app: Foreign) -> None:
    message = await board(app)
    assert (await app.slack.click("bo", message, "Tell")).ok
    await app.slack.wait_for_message("ada", "lunch", text="For everybody")
    told = await app.slack.wait_for_ephemeral("bo", "lunch", text="Between us")
    assert told["ephemeral"]
    assert not [one for one in await app.slack.ephemerals("ada", "lunch") if "Between us" in one["text"]]
    assert await text_of(app, message["ts"]) is not None


async def a_select_and_a_date_carry_their_state(app: Foreign) -> None:
    message = await board(app)
    assert (await app.slack.choose("ada", message, "day", "2026-03-02")).ok

    async def dated() -> bool:
        return "The board for 2026-03-02" in (await text_of(app, message["ts"]) or "")

    await app.slack.wait_for(dated, what="the date on the board")
    assert (await app.slack.choose("ada", message, "size", "large")).ok
    where = {"channel": app.id("lunch"), "ts": message["ts"]}
    await app.slack.wait_for_message("ada", "lunch", text="size large, day 2026-03-02", thread_ts=where["ts"])


async def an_overflow_menu_tells_its_entry_in_the_thread(app: Foreign) -> None:
    message = await board(app)
    assert (await app.slack.click("bo", message, "Forget")).ok
    await app.slack.wait_for_message("bo", "lunch", text="rest: forget", thread_ts=message["ts"])


async def a_global_shortcut_opens_a_modal(app: Foreign) -> None:
    assert (await app.slack.shortcut("ada", "new_order")).ok
    view = await app.slack.wait_for_view("ada", callback_id="order")
    assert view["private_metadata"] == "-"
    assert (await app.slack.submit("ada", view, {"name": "never mind"})).ok


async def a_message_shortcut_quotes_and_answers(app: Foreign) -> None:
    said = await app.slack.post("bo", "lunch", "nice soup")
    assert (await app.slack.shortcut("ada", "quote", said)).ok
    told = await app.slack.wait_for_message("bo", "lunch", text="&gt; nice soup", thread_ts=said["ts"])
    assert f"/archives/{app.id('lunch')}/p{said['ts'].replace('.', '')}" in told["text"]
    await app.slack.wait_for_ephemeral("ada", "lunch", text="Quoted")


async def home_is_published_and_its_button_renews_it(app: Foreign) -> None:
    await app.slack.open_home("bo")
    await app.slack.wait_for_home("bo", text="Opened *1* times")
    await app.slack.open_home("bo")
    home = await app.slack.wait_for_home("bo", text="Opened *2* times")
    assert (await app.slack.click("bo", home, "Again")).ok
    await app.slack.wait_for_home("bo", text="Opened *12* times")


async def a_message_is_heard_and_answered(app: Foreign) -> None:
    said = await app.slack.post("bo", "lunch", "well, hello there")
    await app.slack.wait_for_message("ada", "lunch", text=f"hello, <@{app.id('bo')}>")
    await app.slack.post("ada", "lunch", "hey", thread_ts=said["ts"])
    await app.slack.wait_for_message("bo", "lunch", text=f"hey, <@{app.id('ada')}>", thread_ts=said["ts"])


async def a_direct_message_is_heard_and_answered(app: Foreign) -> None:
    await app.slack.post("bo", "@canteen", "hi")
    await app.slack.wait_for_message("bo", "@canteen", text=f"hi, <@{app.id('bo')}>")


async def a_mention_is_answered_in_its_thread(app: Foreign) -> None:
    said = await app.slack.post("bo", "lunch", f"<@{app.server.app().bot_user_id}> what is there?")
    await app.slack.wait_for_message("bo", "lunch", text=f"You called, <@{app.id('bo')}>?", thread_ts=said["ts"])


async def a_reaction_is_heard_and_returned(app: Foreign) -> None:
    said = await app.slack.post("bo", "lunch", "look at this")
    await app.slack.react("ada", said, "tada")

    async def eyes() -> bool:
        seen = await app.slack.messages("bo", "lunch")
        given = next(one.get("reactions", []) for one in seen if one["ts"] == said["ts"])
        return [(one["name"], one["users"]) for one in given] == [
            ("tada", [app.id("ada")]),
            ("eyes", [app.server.app().bot_user_id]),
        ]

    await app.slack.wait_for(eyes, what="both reactions")


async def whoever_joins_is_welcomed(app: Foreign) -> None:
    await app.slack.join("bo", "joinable")
    await app.slack.wait_for_message("bo", "joinable", text=f"Welcome, <@{app.id('bo')}>")


async def a_file_is_uploaded_and_can_be_read(app: Foreign) -> None:
    assert (await app.slack.command("ada", "lunch", "/menu")).ok
    told = await app.slack.wait_for_message("bo", "lunch", text="Today's menu")
    (file,) = told["files"]
    assert (file["name"], file["title"], file["size"]) == ("menu.txt", "Menu", len("Soup\nSalad\nStew"))
    headers = {"Authorization": f"Bearer {app.server.app().bot_token}"}
    async with aiohttp.ClientSession() as http, http.get(file["url_private"], headers=headers) as answer:
        assert await answer.text() == "Soup\nSalad\nStew"


async def one_person_alone_is_told(app: Foreign) -> None:
    assert (await app.slack.command("ada", "lunch", "/whisper @bo")).ok
    await app.slack.wait_for_ephemeral("bo", "lunch", text="Only you read this.")
    assert not [one for one in await app.slack.ephemerals("ada", "lunch") if "Only you" in one["text"]]


SCRIPT: tuple[Interaction, ...] = (
    a_command_is_answered_to_its_sender_alone,
    a_command_is_answered_to_everybody_by_its_response_url,
    a_command_opens_a_modal,
    a_modal_is_sent_and_closes,
    a_submission_is_answered_with_errors,
    a_submission_is_answered_with_another_view,
    a_submission_is_answered_with_a_view_on_top,
    a_submission_clears_everything,
    a_button_in_a_modal_updates_it,
    a_button_in_a_modal_pushes_another,
    an_external_select_offers_options_and_its_choice_is_told,
    an_external_select_offers_groups_and_its_value_is_sent,
    a_closed_modal_is_told,
    a_button_replaces_its_message,
    a_button_deletes_its_message,
    a_button_answers_one_and_then_all,
    a_select_and_a_date_carry_their_state,
    an_overflow_menu_tells_its_entry_in_the_thread,
    a_global_shortcut_opens_a_modal,
    a_message_shortcut_quotes_and_answers,
    home_is_published_and_its_button_renews_it,
    a_message_is_heard_and_answered,
    a_direct_message_is_heard_and_answered,
    a_mention_is_answered_in_its_thread,
    a_reaction_is_heard_and_returned,
    whoever_joins_is_welcomed,
    a_file_is_uploaded_and_can_be_read,
    one_person_alone_is_told,
)
