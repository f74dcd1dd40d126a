"""Every card, reply, modal and Home that the bot can show, by name, as the JSON that Slack is sent."""

import importlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from bot import render
from bot.catalogue import Catalogue
from bot.discovery import load
from bot.effect import Secret
from bot.help import Reader, help_for
from bot.model import Doubt, Heading, Mark, Record, Risk, State, Way
from bot.operation import Answer, Refusal
from bot.parse import Known
from bot.policy import Policy, Rule
from bot.render import lists
from bot.render.buttons import pack
from bot.render.details import details, review, whole
from bot.render.form import word
from bot.render.help import help_message
from bot.render.message import Message
from bot.render.outcome import SENTENCES, dead_end, refusal, revealed, told
from bot.render.picker import Item, picker
from bot.render.tell import KINDS
from bot.slack.asking import form_of
from bot.slack.buttons import WORDS
from bot.slack.commands import none_of
from bot.slack.lines import line_below
from bot.view import FreezeView, Outcome, StandingView, Usual
from deploy.gallery import answers, replies
from deploy.gallery.samples import (
    AWAY,
    FAVOURITES,
    INCIDENT,
    NAMES,
    NOW,
    REASON,
    approval,
    banning,
    banning_again,
    brief,
    done,
    event,
    logging_slowly,
    long_plan,
    question,
    report,
    restored,
    restoring,
    run,
    with_task,
)

KNOWN = Known(targets={"database": ("shop", "analytics"), "service": ("api", "web"), "person": ("ana", "ben")})
DRAFT = "0b9f6f0e-3d0c-4c0e-9a57-6d1b8a6f7c11"  # the id of a form's row: any
PLACE = "C0INCIDENTS"
POLICY = Policy(
    rules=(
        Rule(
            operations=("*",), risks=(Risk.DESTRUCTIVE,), ask=("engineers",), approve=("dba",), channels=("incidents",)
        ),
        Rule(operations=("*",), risks=(Risk.WRITE,), ask=("engineers",)),
        Rule(operations=("*",), risks=(Risk.READ,), ask=("everyone",)),
    )
)
ANA = Reader(groups=frozenset({"engineers", "everyone"}), channel="incidents", titles={"dba": "database people"})


class Screen(Record):
    """One thing that Slack is sent. `view` for a modal or a Home, else `text` and `blocks` of a message."""

    name: str  # "card/running", also the picture's file
    text: str = ""
    blocks: tuple[dict[str, Any], ...] = ()
    metadata: dict[str, Any] = {}
    view: dict[str, Any] | None = None


def screens() -> list[Screen]:
    """All of them, in the order in which a person may meet them."""
    catalogue = load(importlib.import_module("handlers")).catalogue
    return [*_cards(), *_replies(), *_modals(catalogue), *_homes(), *_digests(), *_absences(), *_private(catalogue)]


def _message(name: str, message: Message) -> Screen:
    return Screen(name=name, text=message.text, blocks=message.blocks, metadata=message.metadata)


def _view(name: str, view: Mapping[str, Any]) -> Screen:
    return Screen(name=name, view=dict(view))


# Cards ----------------------------------------------------------------------------------------------------------------
def _cards() -> Iterator[Screen]:
    for name, view in {**_states(), **_special(), **_told_besides(), **answers.cards()}.items():
        yield _message(f"card/{name}", render.card(view, NAMES))
    for doubt in Doubt:
        stopped = run(State.IN_DOUBT, restoring(), _until_swap(Mark.UNKNOWN), question=question(doubt))
        yield _message(f"card/in-doubt-{doubt.value}", render.card(stopped, NAMES))
    asked = question(Doubt.EFFECT).model_copy(update={"item": "orders-2026-03"})
    stopped = run(State.IN_DOUBT, restoring(), _until_swap(Mark.UNKNOWN), question=asked)
    yield _message("card/in-doubt-of-many-items", render.card(stopped, NAMES))


def _until_swap(last: Mark) -> tuple[Any, ...]:
    return done(restoring(), "safety", "load", "verify", "maintenance", "public", "shut", "swap", last=last)


def _states() -> dict[str, Any]:
    """One card for each state."""
    plan, whole = restoring(), done(restoring())
    closed = (*_until_swap(Mark.FAILED), *done(plan, "open", "reopen", way=Way.CLOSE))
    back, stuck = (*closed, *done(plan, "load", way=Way.UNDO)), done(plan, "load", way=Way.UNDO, last=Mark.FAILED)
    unchanged = done(plan, "safety", last=Mark.FAILED)
    yes, progress = (
        (approval(),),
        {"load": {"done": 812_000_000, "total": 1_400_000_000, "note": "table orders", "unit": "B"}},
    )
    refusal = Refusal(code="unverified", sentence="shop-20260304T0200-full was never restored and compared.")
    loading = done(plan, "safety", "load", last=Mark.STARTED)
    denied = (event(5, "denied", State.DENIED, actor="ben", body={"text": "prices can be mended by hand"}),)
    return {
        "planning": run(State.PLANNING, None, fingerprint=None),
        "awaiting-approval": run(State.AWAITING, plan),
        "awaiting-the-end-of-a-freeze": run(State.AWAITING, plan, approvals=yes,
                                            freeze=FreezeView(name="freeze-r139", until=NOW + timedelta(hours=2))),
        "queued": run(State.QUEUED, plan, approvals=yes, held_by="r140"),
        "running": run(State.RUNNING, plan, loading, approvals=yes, progress=progress),
        "waiting": run(State.WAITING, logging_slowly(), done(logging_slowly(), "set", "for", last=Mark.STARTED),
                       command="ops db slow-log", params={"database": "shop"}, risk=Risk.WRITE, slots=()),
        "succeeded": run(State.SUCCEEDED, plan, whole, approvals=yes, answer=restored()),
        "failed": run(State.FAILED, plan, (*closed, *stuck), approvals=yes, heading=Heading.BACK),
        "failed-and-unchanged": run(State.FAILED, plan, unchanged, approvals=yes, heading=Heading.BACK),
        "undone": run(State.UNDONE, plan, back, approvals=yes, heading=Heading.BACK),
        "refused": run(State.REFUSED, None, fingerprint=None, refusal=refusal),
        "denied": run(State.DENIED, plan, denied),
        "expired": run(State.EXPIRED, plan),
        "superseded": run(State.SUPERSEDED, plan, (event(5, "superseded", State.SUPERSEDED, actor="cleo",
                                                         body={"by": "r143"}),)),
        "cancelled": run(State.CANCELLED, plan, (event(5, "cancelled", State.CANCELLED, actor="ana",
                                                       body={"text": "found the old prices"}),)),
    }  # fmt: skip


def _special() -> dict[str, Any]:
    """What a state does not tell: half an agreement, a way back, a task, a look, a schedule, a plan for a file."""
    plan = restoring()
    asked = (event(4, "ask_back", State.AWAITING, actor="ben", body={"text": "are the orders since 02:00 elsewhere?"}),)
    task = with_task()
    swapped, banned = _until_swap(Mark.DONE), banning()
    of_a_ban: dict[str, Any] = {"command": "ops user ban", "params": {"database": "shop"}, "reason": "stolen goods"}
    return {
        "half-approved": run(State.AWAITING, plan, slots=("dba", "lead"), approvals=(approval(),), rivals=("r141",)),
        "somebody-away": run(State.AWAITING, plan, delegations=(AWAY,)),
        "approved-for-who-is-away": run(
            State.QUEUED, plan, approvals=(approval("dora").model_copy(update={"stands_for": "cleo"}),)),
        "asked-back": run(State.AWAITING, plan, asked),
        "changed": run(State.AWAITING, plan, replies.CHANGED),
        "only-a-look": run(State.AWAITING, plan, look_only=True),
        "going-back": run(State.RUNNING, plan, swapped, heading=Heading.BACK, approvals=(approval(),)),
        "cancel-wished": run(State.RUNNING, plan, swapped, wish="cancel", approvals=(approval(),)),
        "somebodys-turn": run(State.WAITING, task, (*done(plan), *done(task, "tell", last=Mark.STARTED))),
        "by-a-schedule": run(State.AWAITING, plan, requester=None, requester_name="", slack_user=None, askers=(),
                             via="schedule", schedule="nightly-drill", slots=("dba", "dba")),
        "for-an-incident": run(State.AWAITING, plan, within=INCIDENT),
        "gone-on-without-a-step": run(
            State.SUCCEEDED, banned, (*done(banned, "ban"), *done(banned, "mail", last=Mark.FAILED)), **of_a_ban,
            answer=Answer(headline="5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11 is banned until further notice")),
        "another-try": run(State.AWAITING, banning_again(), **of_a_ban, retries="r140"),
        "too-long-for-a-card": run(State.AWAITING, long_plan()),
        "answer": run(State.SUCCEEDED, None, fingerprint=None, command="ops db connections", slots=(),
                      risk=Risk.READ, reason="", params={"database": "shop"}, answer=report()),
    }  # fmt: skip


def _told_besides() -> dict[str, Any]:
    """What the machine says beside a plan: how long it takes, who looked, under which word it runs, what it lacks."""
    plan = restoring()
    usual = Usual(runs=4, took=timedelta(minutes=11), steps={"load": timedelta(minutes=7)})
    loading = done(plan, "safety", "load", last=Mark.STARTED)
    looked = tuple(
        event(n, "looked", State.AWAITING, actor=who, body={"plan": "5e1f" * 16})
        for n, who in ((3, "ben"), (4, "cleo"))
    )
    timed: dict[str, Any] = {
        "requester": None, "requester_name": "", "slack_user": None, "askers": (), "via": "schedule",
        "schedule": "nightly-drill", "slots": ("dba", "dba"),
    }  # fmt: skip
    standing = StandingView(run="r101", people=("ben", "cleo"), until=NOW + timedelta(days=20))
    return {
        "took-before": run(State.AWAITING, plan, usual=usual),
        "running-as-before": run(State.RUNNING, plan, loading, approvals=(approval(),), usual=usual),
        "looked-at": run(State.AWAITING, plan, looked),
        "under-a-standing-approval": run(State.RUNNING, plan, loading, standing=standing, **timed),
        "under-no-standing-approval": run(State.AWAITING, plan, no_standing="its time is over", **timed),
        "behind-others": run(State.QUEUED, plan, approvals=(approval(),), behind=4),
    }


# Replies --------------------------------------------------------------------------------------------------------------
def _replies() -> Iterator[Screen]:
    for kind in KINDS:
        for n, message in enumerate(replies.of(kind)):
            name = kind.replace("_", "-") + (f"-{n + 1}" if n else "")
            yield _message(f"reply/{name}", message)
            if message.pages:
                yield _message(f"page/{name}", render.page(message, NAMES.links["r142"]))
    changed = run(State.AWAITING, restoring(), replies.CHANGED)
    for message in render.replies(changed, replies.CHANGED[-1:], NAMES):
        yield _message("reply/proposed-again", message)
    wished = run(State.REFUSED, None, (replies.TO_ASK,), fingerprint=None, slots=())
    for message in render.replies(wished, wished.events, NAMES):
        yield _message("reply/refused-and-others-called", message)
    yield _message("reply/untold", render.untold(run(State.RUNNING, restoring()), "releases", "not_in_channel"))
    asked = run(State.AWAITING, restoring(), (event(2, "proposed"),), within=INCIDENT)
    told = render.elsewhere(asked, asked.events[0], NAMES, thread=True)
    if told:
        yield _message("reply/in-the-incidents-thread", told)


# Modals ---------------------------------------------------------------------------------------------------------------
def _modals(catalogue: Catalogue) -> Iterator[Screen]:
    for entry in catalogue.entries.values():
        name = entry.command.replace(" ", "-")
        notice = "Look it over, then ask. Nothing is asked yet."
        filled = {spec.name: "shop" for spec in entry.fields if spec.key == "database"} | {"reason": REASON}
        typed = line_below(entry, filled, KNOWN)
        yield _view(f"form/{name}", form_of(entry).view(DRAFT, filled, notice=notice, typed=typed, channel=PLACE))
    restore = catalogue.get("ops db restore")
    yield _view("form/begun", form_of(restore).view(DRAFT, {}, typed=line_below(restore, {}, KNOWN), channel=PLACE))
    erase = form_of(catalogue.get("ops personal erase"))
    yield _view("form/withheld", erase.view(DRAFT, {"reason": REASON}, channel=PLACE, withheld={"value"}))
    waiting = run(State.AWAITING, restoring())
    finished = run(State.SUCCEEDED, restoring(), (event(2, "proposed"), *done(restoring())), answer=report())
    amended = form_of(restore)
    why = "Filled in as it was asked. Approvals given so far will not count, and a new plan is made."
    yield _view(
        "modal/kept-as-favourite", amended.view(DRAFT, {"database": "shop", "reason": REASON}, kept=True, channel=PLACE)
    )
    yield _view("modal/amend", amended.view(DRAFT, {"database": "shop"}, notice=why, amends="r142"))
    yield _view("modal/look-and-decide", review(waiting, NAMES))
    yield _view("modal/details", details(finished, NAMES, private=True))
    yield _view("modal/details-by-its-name", details(finished, NAMES, link="https://slack.example/archives/C1/p1"))
    token = "p-" + "0" * 32
    masked = waiting.model_copy(update={"masks": {token: "j…@example.com"}, "given": {"email": token}})
    yield _view("modal/details-masked", details(masked, NAMES))
    yield _view("modal/not-masked", whole(masked, {token: Secret("jo@example.com")}))
    for verb, given in WORDS.items():
        memo = pack(142, "5e1f" * 16, verb)
        yield _view(f"modal/{verb.value}", word(memo, f"{given.title} r142", given.asks, given.label,
                                                submit=given.submit, optional=given.optional))  # fmt: skip
    yield _view("modal/shown-once", revealed(Secret("correct-horse-battery-staple")))
    yield _view("modal/only-words", dead_end(SENTENCES["uncertain"]))
    yield from _pickers(catalogue)


def _pickers(catalogue: Catalogue) -> Iterator[Screen]:
    tree = catalogue.tree()
    top = [Item(words=name, summary=", ".join([*area.areas, *area.entries])) for name, area in tree.areas.items()]
    yield _view("picker/top", picker(DRAFT, "", top))
    yield _view("picker/top-with-favourites", picker(DRAFT, "", top, FAVOURITES))
    yield _view("picker/nothing-of-that-installed", picker(DRAFT, "", top, FAVOURITES, none_of("runbook")))
    inside = [e for e in catalogue.entries.values() if e.command.startswith("ops db ")]
    items = [Item(words=one.command, summary=one.summary, risk=one.risk) for one in inside]
    yield _view("picker/ops-db", picker(DRAFT, "ops db", items))


# Home, and what one person alone sees ---------------------------------------------------------------------------------
def _homes() -> Iterator[Screen]:
    waiting = [
        brief(142, State.AWAITING, "ops db restore"),
        brief(139, State.AWAITING, "ops user ban", params={"user": "5b8ab7f6"}),
    ]
    flying = [
        brief(141, State.RUNNING, "ops db backup", risk=Risk.WRITE),
        brief(137, State.WAITING, "ops db slow-log", risk=Risk.WRITE, until=NOW + timedelta(minutes=40)),
    ]
    mine = [brief(142, State.AWAITING, "ops db restore"), brief(131, State.SUCCEEDED, "ops db backup")]
    lately = [brief(138, State.IN_DOUBT, "ops db restore"), brief(122, State.FAILED, "ops db verify-backup")]
    yield _view("home/full", lists.home(waiting, flying, mine, lately, NOW, FAVOURITES))
    yield _view("home/empty", lists.home((), (), (), (), NOW))
    yield _view("home/stranger", lists.stranger_home(SENTENCES["not_listed"]))
    everything = [*waiting, *flying, *lately]
    yield _message("runs/some", lists.runs(everything, NOW))
    yield _message("runs/none", lists.runs((), NOW))
    yield _message("runs/found", lists.found([*mine, *lately], "shop", NOW))
    yield _message("runs/not-found", lists.found((), "moonshine", NOW))
    yield _message("runs/many", lists.runs([brief(n, State.RUNNING, "ops db backup") for n in range(100, 130)], NOW))


def _digests() -> Iterator[Screen]:
    waiting = [
        brief(142, State.AWAITING, "ops db restore", changes=replies.CHANGES),
        brief(143, State.AWAITING, "ops user ban", params={"user": "5b8ab7f6"}, reason="sold stolen goods"),
        brief(
            145, State.AWAITING, "ops db drop-old", reason="the disk is nearly full", requester_name="Cleo Lindqvist"
        ),
    ]
    said = [brief(141, State.AWAITING, "ops db swap-back")]
    decided = [brief(139, State.SUCCEEDED, "ops db verify-backup"), brief(140, State.DENIED, "ops user ban")]
    many = [brief(n, State.AWAITING, "ops db restore") for n in range(150, 170)]
    yield _message("digest/some", render.digest(waiting, said, decided, NOW))
    yield _message("digest/many", render.digest(many, [], [], NOW))
    yield _message("digest/none", render.digest([], said, decided, NOW))


def _absences() -> Iterator[Screen]:
    """What the two of an absence are told when it begins or ends by itself."""
    for what in ("begins", "ends"):
        for to, person in (("giver", "cleo"), ("taker", "ana")):
            told = render.absence(142, what, person, "cleo", "ana", NOW + timedelta(days=3), NAMES)
            yield _message(f"absence/{what}-{to}", told)


def _private(catalogue: Catalogue) -> Iterator[Screen]:
    for words in ("", "ops", "ops db", "ops db restore", "roll back", "nonsense"):
        page = help_for(words.split(), catalogue, POLICY, ("staging", "production"), ANA)
        yield _message(f"help/{words.replace(' ', '-') or 'all'}", help_message(page))
    could = ("Ben Okafor (on call)", "Cleo Lindqvist")
    refused = Outcome(code="asker", run=142, tag="r142", who=could, waits="5e1f" * 16, ok=False)
    yield _message("told/refused-while-it-waits", refusal(refused))
    unasked = Outcome(code="not_in_group", sentence="Only engineers may ask for it.", who=could, ok=False)
    yield _message("told/refused-to-ask", refusal(unasked, draft="5e1f5e1f-0000-4000-8000-000000000000"))
    for code, said in SENTENCES.items():
        yield _message(f"told/{code.replace('_', '-')}", told(said.replace("{tag}", "r142")))
