"""response_url: post, replace, delete, five uses, thirty minutes."""

from __future__ import annotations

import aiohttp

from tests.local_slack.bench import Bench, button


async def used(url: str, **body: object) -> tuple[int, str]:
    """One use of a response_url: status and text."""
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        return answer.status, await answer.text()


async def commanded(bench: Bench) -> str:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack("first")

    return (await bench.slack.command("ada", "ops", "/ops x")).response_url


async def test_it_answers_five_times_and_no_more(bench: Bench) -> None:
    url = await commanded(bench)
    for number in range(5):
        assert await used(url, text=f"n{number}") == (200, "ok")
    status, text = await used(url, text="n5")
    assert (status, "used_url" in text) == (404, True)
    assert len(await bench.slack.ephemerals("ada", "ops")) == 6


async def test_it_is_over_after_thirty_minutes(bench: Bench) -> None:
    url = await commanded(bench)
    await bench.slack.move_clock(30 * 60 - 5)
    assert (await used(url, text="in time"))[0] == 200
    await bench.slack.move_clock(10)
    status, text = await used(url, text="late")
    assert (status, "expired_url" in text) == (404, True)


async def test_it_posts_for_all_or_for_one_and_replaces_the_ack(bench: Bench) -> None:
    url = await commanded(bench)
    await used(url, text="everybody", response_type="in_channel")
    await used(url, text="second", replace_original=True)
    assert [one["text"] for one in await bench.slack.messages("bo", "ops")] == ["everybody"]
    assert [one["text"] for one in await bench.slack.ephemerals("ada", "ops")] == ["second"]


async def test_a_button_replaces_and_deletes_its_own_message_even_an_ephemeral_one(bench: Bench) -> None:
    @bench.bolt.action("go")
    async def go(ack, action, respond):
        await ack()
        if action["value"] == "delete":
            await respond(delete_original=True)
        else:
            await respond(text="replaced", replace_original=True)

    elements = [button("go", "Replace", "replace"), button("go2", "Delete", "delete")]
    bench.bolt.action("go2")(go)
    blocks = [{"type": "actions", "elements": elements}]
    await bench.api.chat_postEphemeral(channel=bench.id("ops"), user=bench.id("ada"), text="x", blocks=blocks)
    private = await bench.slack.wait_for_ephemeral("ada", "ops", text="x")
    pressed = await bench.slack.click("ada", private, "Delete")
    assert pressed.response_url
    await bench.slack.wait_for(lambda: _none(bench))
    sent = await bench.api.chat_postMessage(channel=bench.id("ops"), text="y", blocks=blocks)
    message = (await bench.slack.messages("ada", "ops"))[0]
    await bench.slack.click("bo", message, "Replace")
    changed = await bench.slack.wait_for_message("ada", "ops", text="replaced")
    assert changed["ts"] == sent["ts"]
    assert "blocks" not in changed


async def _none(bench: Bench) -> bool:
    return await bench.slack.ephemerals("ada", "ops") == []


async def test_bad_blocks_are_refused_with_their_name(bench: Bench) -> None:
    url = await commanded(bench)
    status, text = await used(url, text="x", blocks=[{"type": "section"}])
    assert status == 400
    assert text.startswith("invalid_blocks")


async def test_it_posts_in_the_thread_of_the_message_it_belongs_to(bench: Bench) -> None:
    @bench.bolt.action("go")
    async def go(ack, body, respond):
        await ack()
        await respond(text="here", thread_ts=body["message"]["ts"], replace_original=False, response_type="in_channel")

    blocks = [{"type": "actions", "elements": [button("go", "Go")]}]
    root = (await bench.api.chat_postMessage(channel=bench.id("ops"), text="root", blocks=blocks))["ts"]
    message = (await bench.slack.messages("ada", "ops"))[0]
    await bench.slack.click("ada", message, "Go")
    told = await bench.slack.wait_for_message("bo", "ops", thread_ts=root, text="here")
    assert told["thread_ts"] == root
    assert [one["text"] for one in await bench.slack.messages("bo", "ops")] == ["root"]


async def test_it_works_where_the_app_is_no_member(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack()

    ran = await bench.slack.command("bo", "hidden", "/ops x")
    assert await used(ran.response_url, text="seen by all", response_type="in_channel") == (200, "ok")
    assert [one["text"] for one in await bench.slack.messages("bo", "hidden")] == ["seen by all"]
