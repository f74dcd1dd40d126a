"""A request until it starts or ends: asked, decided, amended, lapsed, as its thread tells it."""

from bot.durations import about_duration
from bot.model import Event, State
from bot.render import approvals, calling, changes, reminding, wakes, words
from bot.render.decision import approved_by, cancelled_by, held_up, was_approved
from bot.render.ending import no_plan
from bot.render.message import Names
from bot.render.telling import CARD, Told, again, word
from bot.view import FreezeView, RunView

DIFFERS = "The new plan differs from the one before in what is listed here."


def proposed(view: RunView, names: Names, event: Event) -> Told | None:
    if view.look_only or not view.slots:
        return None
    if view.state is not State.AWAITING:
        return Told(said=f"Approval was asked for ({words.count(len(view.slots), 'person', 'people')}).")
    then = f"Press Approve, Deny or Ask back on {CARD}. If nobody answers in time, nothing is done."
    needs = " ".join(approvals.lines(view, names))
    known, alert = changes.of(event), ""
    if known is not None:
        first = f"Changed by {_who_amended(view, names, event)}: {changes.briefly(known)}." if known else changes.SAME
        needs, alert = f"{DIFFERS if known else changes.SAME} {needs}", f"{first} {needs}"
    return Told(
        said=needs, alert=alert, points=changes.points(known or ()), then=then,
        wakes=tuple(approvals.mentions(view, names)), alone=True, until=True, icon="✋",
    )  # fmt: skip


def _who_amended(view: RunView, names: Names, event: Event) -> str:
    by = [e.actor for e in view.events if e.kind == "amended" and e.seq < event.seq]
    return names.person(by[-1]) if by else "somebody"


def differed(view: RunView, names: Names, event: Event) -> Told:
    if event.body.get("why") == "unapproved":
        said = "Nothing was started: an approval does not count any more, because of who gave it or when."
        then = f"The plan is the same. Approve it again on {CARD}."
    else:
        said = "Nothing was started: what is there now is not what was approved. Earlier approvals do not count."
        then = f"{CARD[0].upper()}{CARD[1:]} shows the new plan. Approve or deny that one."
    known = changes.of(event) or []
    alert = f"{said} {changes.briefly(known)}." if known else ""
    called = (*approvals.mentions(view, names), *wakes.asker(view)) if view.state is State.AWAITING else ()
    return Told(
        said=said, alert=alert, then=then, points=changes.points(known), wakes=called, alone=True, until=True, icon="✋"
    )


def approval(view: RunView, names: Names, event: Event) -> Told:
    so_far = sum(a.at <= event.at for a in view.approvals)
    of = f" ({so_far} of {len(view.slots)})" if so_far else ""
    stands = (
        f", for {names.person(word(event, 'for'))} (delegated by {word(event, 'by')})" if "for" in event.body else ""
    )
    frozen = event.body.get("frozen")
    waits = f" {approvals.frozen(FreezeView.model_validate(frozen))}" if frozen else ""
    return Told(said=f"{names.person(event.actor)} approved{stands}{of}.{waits}", icon="👍")


def approved(view: RunView, names: Names, event: Event) -> Told:
    limit = f"It starts within {about_duration(view.start_by)}, or not at all." if view.start_by else "It starts now."
    return Told(said=f"That is all it needed. {limit}")


def unmasked(view: RunView, names: Names, event: Event) -> Told:
    return Told(said=f"{names.person(event.actor)} looked at the whole of what is masked here.", icon="👀")


def denied(view: RunView, names: Names, event: Event) -> Told:
    who = names.person(event.actor)
    then = f"Ask {who} what would have to be different, then type it anew."
    return Told(
        said=f"{who} denied it. Nothing was done.", quote=word(event, "text"), then=then, wakes=wakes.followers(view),
        alone=True, icon="🚫",
    )  # fmt: skip


def cancel_wished(view: RunView, names: Names, event: Event) -> Told:
    said = f"{names.person(event.actor)} asked to cancel."
    if event.body.get("why") == "parent":
        said = f"It is needed no longer by {view.parent or 'the run that called it'}."
    said += " It stops after the present step, then goes back."
    return Told(said=said, quote=word(event, "text"), icon="⏹️")


def cancelled(view: RunView, names: Names, event: Event) -> Told:
    said, then = f"{names.person(event.actor)} cancelled it before it started. Nothing was done.", again(view)
    if event.body.get("why"):  # nobody's wish
        said = cancelled_by(view, names, event)
        if event.body["why"] == "ledger":
            then = "Look at what it would have changed, then type it anew."
    return Told(said=said, quote=word(event, "text"), then=then, wakes=wakes.followers(view), alone=True, icon="⏹️")


def superseded(view: RunView, names: Names, event: Event) -> Told:
    other = word(event, "by") or "another request"
    said = f"{names.person(event.actor)} replaced it by {other}, for the same target. Nothing was done."
    return Told(
        said=said, then=f"Follow {other}: /ops runs shows it.", wakes=wakes.followers(view), alone=True, icon="🔁"
    )


def amended(view: RunView, names: Names, event: Event) -> Told:
    said = f"{names.person(event.actor)} changed the request. Earlier approvals do not count; a new plan is made."
    return Told(said=said, quote=word(event, "text"), alone=True, icon="✏️")


def ask_back(view: RunView, names: Names, event: Event) -> Told:
    then = f"Press Answer on {CARD}, or choose Amend behind its three dots. Nothing is decided yet."
    said = f"{names.person(event.actor)} asks before deciding:"
    return Told(said=said, quote=word(event, "text"), then=then, wakes=wakes.asker(view), alone=True, icon="❓")


def answer_back(view: RunView, names: Names, event: Event) -> Told:
    asked = [e.actor for e in view.events if e.kind == "ask_back" and e.seq < event.seq]
    to = f" {names.person(asked[-1])}" if asked else ""
    return Told(
        said=f"{names.person(event.actor)} answers{to}:", quote=word(event, "text"),
        then=f"Approve, deny or ask again on {CARD}.", alone=True, icon="💬",
    )  # fmt: skip


def expiring(view: RunView, names: Names, event: Event) -> Told:
    if view.state is not State.AWAITING:
        return Told(said="It was about to lapse for want of approvals.", icon="⌛")
    if holder := approvals.waits_for(view, names):
        keeps = "still keeps it from starting" if view.freeze else "still holds its target"
        said = f"It is approved, but {holder} {keeps}. If that has not ended by then, it lapses."
        return Told(said=said, wakes=wakes.asker(view), alone=True, until=True, icon="⌛")
    said = f"It still {approvals.short(view, names)} and is about to lapse. Then nothing is done."
    called = (*approvals.mentions(view, names), *wakes.asker(view))
    return Told(said=said, then=f"Answer on {CARD}.", wakes=called, alone=True, until=True, icon="⌛")


def called_apart(view: RunView, names: Names, event: Event) -> Told | None:
    """Somebody whom their digest was to call, and to whom Slack brings no direct message."""
    account = word(event, "slack_user")
    if view.state is not State.AWAITING or not account:
        return None
    person = next((key for key, accounts in names.accounts.items() if account in accounts), account)
    said = f"Slack takes no direct message for {names.person(person)}, so the call is here."
    then = f"You may decide: Approve, Deny or Ask back on {CARD}."
    return Told(said=said, then=then, wakes=(account,), alone=True, until=True, icon="🔔")


def called_to_decide(view: RunView, names: Names, event: Event) -> tuple[str, ...]:
    """Slack ids of those whom this event calls to decide about a request that waits."""
    if view.state is not State.AWAITING or view.look_only:
        return ()
    if event.kind == "called" and approvals.missing(view, names):
        return reminding.whom(view, names, event)
    if event.kind == "called_in":
        return calling.accounts(view, names, event)
    calls = event.kind in ("differed", "expiring") or (event.kind == "proposed" and view.slots)
    return tuple(approvals.mentions(view, names)) if calls else ()


def expired(view: RunView, names: Names, event: Event) -> Told:
    if hindrance := held_up(view):
        said = f"It was approved, but {hindrance}. It lapsed; nothing was done."
    elif was_approved(view):
        said = "It was approved, but it could not start in time, so it lapsed. Nothing was done."
    elif given := approved_by(view, names):
        late = "Nobody else answered in time" if approvals.missing(view, names) else "It could not start in time"
        said = f"{given} {late}, so it lapsed. Nothing was done. Nobody denied it."
    else:
        said = "Nobody answered in time, so it lapsed. Nothing was done. Nobody denied it."
    return Told(said=said, then=again(view), wakes=wakes.followers(view), alone=True, icon="⌛")


def refused(view: RunView, names: Names, event: Event) -> Told:
    if "whom" in event.body:
        return calling.to_ask(view, names, event)
    if event.body.get("code") == "held":
        holder = word(event, "by")
        said = f"{holder} is at work on the same target, so this was refused. Nothing was done."
        then = f"Wait until {holder} ends, or look at it with /ops runs; then type it again."
        return Told(said=said, then=then, wakes=wakes.page(view, names), alone=True, icon="🚫")
    said = word(event, "sentence", "why") or "A rule refused it. Nothing was done."
    then = f"What you can do instead is on {CARD}." if event.body.get("offers") else ""
    return Told(said=said, then=then, wakes=wakes.page(view, names), alone=True, icon="🚫")


def broke(view: RunView, names: Names, event: Event) -> Told:
    return Told(said=no_plan(event), then=again(view), wakes=wakes.page(view, names), alone=True, icon="❌")


def admitted(view: RunView, names: Names, event: Event) -> Told:
    differs = changes.points(changes.of(event) or ())
    if under := approvals.standing(view, names):
        return Told(said=f"It starts now, under an approval given before. {under[0]}", points=differs)
    return Told(said="It needs no approval and starts now.", points=differs)
