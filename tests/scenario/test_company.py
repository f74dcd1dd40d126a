"""The rest of the sample company's day: what is read, refused, set for a while, frozen, and whom a ban keeps out."""

import re
from datetime import timedelta
from email import message_from_bytes

import pytest

from deploy.local.slack.client import shown_text
from tests.scenario.story import LONG, Run, Story

JO = "5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11"
SETTING = "log_min_duration_statement"


@pytest.mark.parametrize("transport", ["http", "socket"])
async def test_health_tells_of_services_database_and_the_third_party(story: Story) -> None:
    story.stage.services.third_party("major")
    run = await story.asks("dan", "/ops health")
    card = await run.shows("web", "api", "shop", "payments", seconds=LONG)
    assert "payments: a major incident is open" in card
    await run.ends()
    story.stage.services.third_party("none")


async def test_pools_and_who_holds_connections_are_told_on_a_card(story: Story) -> None:
    pools = await story.asks("ana", "/ops db pool shop")
    await pools.ends()
    assert "pooled connections in use" in shown_text(await pools.card())
    held = await story.asks("ana", "/ops db connections shop")
    await held.ends()
    assert "free for applications" in shown_text(await held.card())


async def test_health_says_which_service_is_ill(story: Story) -> None:
    story.stage.services.breaks("web", 500)
    run = await story.asks("ana", "/ops health web")
    assert "500" in await run.shows("web", "500", seconds=LONG)
    await run.ends()
    story.stage.services.breaks("web", None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/ops help", "/ops db"),
        ("/ops db restore help", "Restores a database from a verified backup"),
        ('/ops db restor shop reason="x y"', '/ops db restore shop reason="x y"'),
        ("/ops db restore nowhere", "shop"),
        ("/ops runs", "Nothing runs"),
        ('/ops db backup shop reason="xoxb-123456789012-abcdef"', "seems to hold"),
    ],
)
async def test_what_is_only_a_question_is_answered_to_one_person(story: Story, line: str, words: str) -> None:
    asked = await story.last()
    assert words in await story.told("ana", line)
    assert await story.last() == asked


async def test_who_may_not_ask_reads_who_could_and_who_of_them_is_on_call(story: Story) -> None:
    said = await story.told("dan", '/ops db restore shop reason="not his to ask"')
    assert "only engineers may ask for it" in said
    assert re.search(r"may ask for it\. [\w ]+ \(on call\), [\w ]+ or [\w ]+ could\.", said), said


async def test_what_touches_production_is_asked_where_people_read_along(story: Story) -> None:
    asked = await story.last()
    said = await story.told("ana", '/ops db restore shop reason="the wrong place"', channel="general")
    assert "#incidents" in said or "incidents" in said
    assert await story.last() == asked


async def test_runs_and_home_show_what_waits_and_for_whom(story: Story) -> None:
    run = await story.restore("seen at home")
    assert run.tag in await story.told("cleo", "/ops runs")
    for person, sees in (("ben", "Look and decide"), ("ana", "Mine"), ("dan", "Nothing waits for you")):
        await story.slack.open_home(person)
        home = await story.slack.wait_for_home(person, text=run.tag if person != "dan" else sees)
        assert sees in shown_text(home)
    assert "Look and decide" not in shown_text(await story.slack.wait_for_home("ana"))


async def test_a_ban_ends_the_sessions_tells_by_mail_and_shows_no_address(story: Story) -> None:
    run = await story.asks("ana", f'/ops user ban shop {JO} lasting=7d reason="sold stolen goods"')
    await run.can_be_approved()
    before, incidents = mails(story).keys(), await incidents_of(story, JO)
    await story.move_clock(timedelta(minutes=2))  # it is looked at once more, and nothing is another than it was
    await run.press("ben", "Approve")
    await run.ends()
    assert "differed" not in [event["kind"] for event in await run.events()]
    async with story.stage.databases.server.connect("shop") as shop:
        assert await shop.fetchval("SELECT banned_until > now() FROM auth.users WHERE id = $1", JO)
        assert await shop.fetchval("SELECT count(*) FROM auth.sessions WHERE user_id = $1", JO) == 0
        assert await shop.fetchval("SELECT ban_reason FROM public.users WHERE id = $1", JO) == "sold stolen goods"
    assert await incidents_of(story, JO) == incidents + 1
    new = [mail for name, mail in mails(story).items() if name not in before]
    assert [mail["To"] for mail in new] == ["jo@customers.example"]
    body = new[0].get_payload()
    assert "sold stolen goods" in body
    assert run.tag in body
    shown = "\n".join([shown_text(await run.card()), *await run.thread()])
    assert "jo@customers.example" not in shown
    assert "j…@customers.example" in shown

    lift = await story.asks("ben", f'/ops user unban shop {JO} reason="it was a mistake"')
    await lift.ends()
    async with story.stage.databases.server.connect("shop") as shop:
        assert not await shop.fetchval("SELECT banned_until > now() FROM auth.users WHERE id = $1", JO)


async def incidents_of(story: Story, user: str) -> int:
    async with story.stage.databases.server.connect("shop") as shop:
        return await shop.fetchval("SELECT count(*) FROM public.security_incidents WHERE user_id = $1", user)


def mails(story: Story) -> dict:
    files = sorted((story.stage.home / "mail").glob("*.eml"))
    return {path.name: message_from_bytes(path.read_bytes()) for path in files}


async def test_slow_statements_are_logged_for_a_while_and_then_the_setting_is_put_back(story: Story) -> None:
    before = await setting(story)
    run = await story.asks("ana", '/ops db slow-log shop over=250ms lasting=30m reason="latency at noon"')
    await run.reaches("for")
    assert await setting(story) == "250ms"
    card = await run.shows("Waiting", "Waits until")
    assert "then: Put it back as it was" in card
    assert re.search(rf"{run.tag}.*until <!date", await story.told("cleo", "/ops runs"), re.DOTALL)
    await story.move_clock(timedelta(minutes=31))
    await run.ends()
    assert await setting(story) == before


async def test_a_cancel_puts_the_setting_back_at_once(story: Story) -> None:
    before = await setting(story)
    run = await story.asks("ana", '/ops db slow-log shop over=300ms lasting=30m reason="to be cancelled"')
    await run.reaches("for")
    assert await setting(story) == "300ms"
    await run.press("ana", "Cancel", text="found it")
    await run.settles()
    assert await setting(story) == before


async def setting(story: Story) -> str:
    """What a new session in the shop has."""
    async with story.stage.databases.server.connect("shop") as shop:
        return str(await shop.fetchval(f"SHOW {SETTING}"))


async def test_while_a_service_is_frozen_what_changes_it_is_refused_until_the_freeze_ends(story: Story) -> None:
    """A restore by its lock; slow statements change the server's setting, and lock no deploys."""
    freeze = await story.asks("cleo", '/release freeze web lasting=1h reason="market day"', channel="releases")
    await freeze.ends()
    asked = await story.last()
    line = f'/ops db restore shop backup={await story.first_backup()} reason="in a freeze"'
    await story.types("ana", line)
    if form := await story.slack.view("ana"):
        assert (await story.slack.submit("ana", form, {"Type the database again": "shop"})).ok
    run = Run(story, asked + 1)
    await run.ends("refused")
    card = await run.shows("web is frozen until", f"freeze-{freeze.tag}")
    assert f"Cleo Lindqvist set that (freeze-{freeze.tag}): market day." in card
    logged = await story.asks("ana", '/ops db slow-log shop over=250ms lasting=30m reason="in a freeze"')
    await logged.ends("refused")
    await logged.shows("web is frozen until", "End the freeze")
    await run.refuses("dan", "End the freeze", "only engineers may ask for it")
    asked = await story.last()
    await run.press("ben", "End the freeze", Why="the market is over")
    await Run(story, asked + 1).ends()
    again = await story.restore("after the freeze")
    assert await again.state() == "awaiting_approval"


async def test_a_look_that_is_offered_is_a_new_one_at_each_press_and_one_at_each_delivery(story: Story) -> None:
    run = await story.asks("ana", "/ops db verify-backup shop backup=nowhere reason=drill")
    await run.ends("refused")
    asked = await story.last()
    await run.press("ana", "List backups")
    assert await story.last() == asked + 1
    await Run(story, asked + 1).ends()
    await story.slack.fault("delivery:interactive", "duplicate")
    await run.press("ana", "List backups")
    await Run(story, asked + 2).ends()
    assert await story.last() == asked + 2
