"""A run's events as thread replies: each told once, several in one reply, only mere progress left out."""

from collections.abc import Sequence

from bot.model import Event, State
from bot.render import words
from bot.render.answer import answer_blocks, answer_file
from bot.render.approvals import called
from bot.render.blocks import bullets, context, line, linked, moment, quoted, rich, text, user, utc, when
from bot.render.card import REASON_SHOWN, requester
from bot.render.escape import clean, cut, fallback, one_line, size
from bot.render.message import NOBODY, Block, Message, Names
from bot.render.tell import told
from bot.render.telling import Told, then_of
from bot.view import RunView

ALERT = 300  # characters of a message's plain text
THEN = 120  # of them for what to do next
TOGETHER = 10  # events that one reply holds at most
ELSEWHERE = frozenset({"started", "turned", "ended"})  # what the channels that a plan tells are told
BESIDE = ELSEWHERE | {"denied", "cancelled", "superseded", "expired", "refused", "broke"}  # and a thread
UNTOLD = "untold:"  # with the channel's key: the kind of message that says so
BAD_NEWS = frozenset({"step_failed", "step_unknown", "turned", "broke"})


def breaks_silence(view: RunView, names: Names, event: Event) -> bool:
    """Whether a run whose voice is quiet begins to speak here: bad news, a question, somebody's turn, a loud answer."""
    said = told(view, names, event)
    if said is None:
        return False
    if event.kind == "ended" and event.state is State.SUCCEEDED:
        return bool(said.points) or (view.answer is not None and view.answer.loud)
    return event.kind in BAD_NEWS or bool(said.then or said.wakes)


def heard(view: RunView, events_after: Sequence[Event], names: Names = NOBODY) -> list[Event]:
    """What a run whose voice is quiet tells of these events: nothing, until one breaks the silence; then all."""
    first = next((event.seq for event in view.events if breaks_silence(view, names, event)), None)
    return [] if first is None else [event for event in events_after if event.seq >= first]


def replies(view: RunView, events_after: Sequence[Event], names: Names = NOBODY) -> list[Message]:
    """The replies for these events, which are in order and gapless. Empty where nothing is to be said.

    Each reply covers from_seq..to_seq, the silent events before it included; the caller's cursor is the last event's
    seq once all of them are posted.
    """
    messages: list[Message] = []
    together: list[tuple[Event, Told]] = []
    covered = events_after[0].seq if events_after else 0
    for event in events_after:
        said = told(view, names, event)
        if said is None:
            continue
        if together and (said.alone or len(together) == TOGETHER):
            messages.append(_reply(view, names, together, covered))
            covered, together = together[-1][0].seq + 1, []
        together.append((event, said))
        if said.alone:
            messages.append(_reply(view, names, together, covered))
            covered, together = event.seq + 1, []
    return [*messages, _reply(view, names, together, covered)] if together else messages


def elsewhere(view: RunView, event: Event, names: Names = NOBODY, *, thread: bool = False) -> Message | None:
    """A run's start, its way back or its end, for a channel that is not its own, or for another run's thread, which
    reads of its ask too; None for every other event.
    """
    icon, said = _beside(view, event, names) if thread else _said(view, event, names)
    if not said:
        return None
    told_there = f"{view.tag} {view.command}: {said}"
    why = [line(text("Why:")), quoted(clean(view.reason, REASON_SHOWN))] if thread and _first(view, event) else []
    blocks = [rich(line(text(f"{icon} {told_there}".strip(), bold=True)), *why)]
    if link := names.links.get(view.tag):
        blocks.append(rich(line(text("The whole story is in "), linked(link, "its thread"), text("."))))
    elif view.channel:
        blocks.append(context(f"The whole story is in <#{view.channel}>."))
    return Message(
        text=fallback(told_there),
        blocks=tuple(blocks),
        kind="beside" if thread else "elsewhere",
        run=view.id,
        from_seq=event.seq,
        to_seq=event.seq,
    )


def _said(view: RunView, event: Event, names: Names, kinds: frozenset[str] = ELSEWHERE) -> tuple[str, str]:
    said = told(view, names, event) if event.kind in kinds else None
    return (said.icon, said.said) if said else ("", "")


def _beside(view: RunView, event: Event, names: Names) -> tuple[str, str]:
    """What the thread says that it was begun in: who asked for what, whatever came of it, and what a look saw."""
    who = requester(view, names)
    who = f"{who[:1].upper()}{who[1:]}"
    if event.kind == "proposed" and view.slots:
        needed = words.count(len(view.slots), "approval")
        return "✋", f"{who} asked: {view.plan.sentence if view.plan else view.command}. It waits for {needed}."
    if event.kind == "answered_read" and view.answer:
        return "🔎", f"{who} looked: {one_line(view.answer.headline, 500)}"
    return _said(view, event, names, BESIDE)


def _first(view: RunView, event: Event) -> bool:
    """Whether a thread beside its own hears of it only now, and somebody gave a reason."""
    return bool(view.reason) and event.kind == ("proposed" if view.slots else "ended")


REFUSES = {  # Slack's word, or ours -> why a channel takes no messages, and what to do
    "not_named": "tandem.toml names no such channel any more. Add it below [channels].",
    "channel_not_found": "Slack does not show it to the bot. Type /invite @tandem there, or mend tandem.toml.",
    "not_in_channel": "the bot is not in it. Type /invite @tandem there.",
    "is_archived": "it is archived.",
    "thread_not_found": "its first message was deleted.",
    "message_not_found": "its first message was deleted.",
}


def untold(view: RunView, key: str, refused: str) -> Message:
    """That a channel which the plan names is not told. `refused`: a word of REFUSES, or another of Slack's."""
    why = REFUSES.get(refused, "the bot may not post in it. Ask whoever looks after that channel.")
    where = words.place(key)
    said = f"{where[:1].upper()}{where[1:]} is not told of this run: {why}"
    blocks = (rich(line(text(f"⚠️ {said}", bold=True)), line(text("Tell those who read there yourself."))),)
    return Message(text=fallback(f"{view.tag}: {said}"), blocks=blocks, kind=f"{UNTOLD}{key}", run=view.id)


def _reply(view: RunView, names: Names, said: Sequence[tuple[Event, Told]], from_seq: int) -> Message:
    event, last = said[-1]
    answered = last.answer and view.answer is not None
    parts = [part for _, part in said]
    return Message(
        text=_alert(view, names, parts),
        blocks=tuple(_blocks(view, parts)),
        kind=event.kind if len(said) == 1 else "several",
        run=view.id,
        from_seq=from_seq,
        to_seq=event.seq,
        file=answer_file(view.tag, view.answer) if answered and view.answer else None,
        series=view.answer.series if answered and view.answer else None,
        pages=tuple(dict.fromkeys(one for part in said for one in _pages(view, names, *part))),
        page_text=_alert(view, names, parts, [_elsewhere(part).then for part in parts if part.then]),
        page_lines=tuple(_page_lines(view, names, parts)),
        urgent=last.alone,
    )


def _alert(view: RunView, names: Names, said: Sequence[Told], then: Sequence[str] = ()) -> str:
    """All that a lock screen shows: what, on what, what happened; of a call to decide also whose it is, until when.

    `then`: why they are called and what to do, where that is to be read there as well.
    """
    tail = "".join(f" {cut(one, THEN)}" for one in then[-1:])
    if view.expires_at and any(part.until for part in said):
        tail += f" Asked by {requester(view, names)}, stands until {utc(view.expires_at)}."
    told = " ".join(part.alert or part.said for part in said)
    return fallback(cut(f"{_head(view)}: {told}", ALERT - size(tail)) + tail, ALERT)


def _head(view: RunView) -> str:
    """Which run, and on what: "r142 ops db restore shop"."""
    return " ".join(part for part in (view.tag, view.command, words.target(view.plan, view.params)) if part)


def _pages(view: RunView, names: Names, event: Event, said: Told) -> list[str]:
    """A mention alone wakes nobody at night: whoever is on call, or is nudged so, has it as a direct message too."""
    on_call = (*called(view, names, "on-call"), *said.direct)
    directly = event.body.get("how") == "dm"
    return [one for one in said.wakes if directly or (one in on_call and one != view.slack_user)]


def page(message: Message, link: str) -> Message:
    """The direct message for somebody whom a reply pages; `link` leads to that reply."""
    lines = (*message.page_lines, *([line(linked(link, "Open the thread"))] if link else []))
    return Message(text=message.page_text, blocks=(rich(*lines),), kind="page", run=message.run)


def _page_lines(view: RunView, names: Names, said: Sequence[Told]) -> list[Block]:
    """What a reply says, for somebody who has not its thread before them: of which run, and whom nobody mentions."""
    elements = [line(text(_head(view), bold=True))]
    for part in said:
        elements += _lines(_elsewhere(part))
    if view.expires_at and any(part.until for part in said):
        elements.append(line(text(f"Asked by {requester(view, names)}. Stands until "), moment(view.expires_at)))
    return elements


def _elsewhere(part: Told) -> Told:
    """As it is read outside the thread."""
    return part.model_copy(update={"then": then_of(part, "its card"), "wakes": ()})


def _blocks(view: RunView, said: Sequence[Told]) -> list[Block]:
    elements: list[Block] = []
    for part in said:
        elements += _lines(part)
    blocks = [rich(*elements)]
    last = said[-1]
    if last.answer and view.answer:
        blocks += answer_blocks(view.answer, headline=last.said != one_line(view.answer.headline, 500))
    if last.answer and last.wakes:
        blocks.append(rich(_mentions(last)))
    if last.until and view.expires_at:
        blocks.append(context(f"Stands until {when(view.expires_at)}"))
    return blocks


def _lines(part: Told) -> list[Block]:
    icon = f"{part.icon} " if part.icon else ""
    elements = [line(text(f"{icon}{part.said}", bold=part.alone))]
    if part.quote:
        elements.append(quoted(clean(part.quote, 1500)))
    if part.points:
        elements.append(bullets([text(point)] for point in part.points[:20]))
    if part.then:
        elements.append(line(text(part.then)))
    if part.wakes and not part.answer:  # below an answer, behind all of it
        elements.append(_mentions(part))
    return elements


def _mentions(part: Told) -> Block:
    return line(*(piece for one in part.wakes for piece in (user(one), text(" "))))
