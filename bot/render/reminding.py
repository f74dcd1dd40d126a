"""A request that nobody decides about: who is called besides, why, and who is not called and why not."""

from datetime import timedelta

from bot.durations import about_duration
from bot.model import Event, State
from bot.render import approvals, calling, words
from bot.render.message import Names
from bot.render.telling import CARD, Told, word
from bot.view import RunView

MOST = 8
MINUTE = timedelta(minutes=1)


def called(view: RunView, names: Names, event: Event) -> Told | None:
    """Somebody besides is asked, and told why: nobody has decided, and whether they may themselves."""
    if view.state is not State.AWAITING or not approvals.missing(view, names):
        return None
    everybody = names.model_copy(update={"joined": frozenset()})
    ids, may = whom(view, everybody, event), approvals.may_approve(view, names)
    people = [person for person, accounts in names.accounts.items() if set(accounts) & set(ids)]
    said = f"{_undecided(view, event)}{_whom_in_words(view, names, event, people, ids)}"
    if not ids:
        return Told(said=said, alone=True, until=True, icon="🔔")
    wakes = tuple(one for one in ids if one not in names.joined)
    members = {*names.group(word(event, "whom")).members, *people}
    if not wakes:
        then = "The list of what waits for them calls them."
    elif members & set(may):
        then = f"You are called because you may decide: Approve, Deny or Ask back on {CARD}."
    else:
        could = words.listed([approvals.by_name(view, names, person) for person in may[:6]], "or")
        then = f"You are called to find somebody who may decide: {could or 'nobody who is known to be there'}."
    return Told(said=said, then=then, wakes=wakes, alone=True, until=True, icon="🔔")


def whom(view: RunView, names: Names, event: Event) -> tuple[str, ...]:
    """Slack ids of those whom this event calls: of its group those who were not called before, where there are any."""
    return _called(view, names, word(event, "whom"), _before(view, names, event))


def _called(view: RunView, names: Names, key: str, before: set[str]) -> tuple[str, ...]:
    ids = approvals.called(view, names, key, to_decide=key in view.slots, before=before)
    return tuple(one for one in ids if one != view.slack_user)[:MOST]


def _before(view: RunView, names: Names, event: Event) -> set[str]:
    """Who was called about this plan until then: when it was asked for, and by each reminder."""
    everybody = names.model_copy(update={"joined": frozenset()})
    ids = set(approvals.mentions(view, everybody))
    asked = max((e.seq for e in view.events if e.kind in ("proposed", "differed") and e.seq < event.seq), default=0)
    for earlier in view.events:
        if earlier.kind == "called" and asked < earlier.seq < event.seq:
            ids |= set(_called(view, everybody, word(earlier, "whom"), ids))
        elif earlier.kind == "called_in" and asked < earlier.seq < event.seq:
            ids |= set(calling.accounts(view, everybody, earlier))
    return ids


def _whom_in_words(view: RunView, names: Names, event: Event, people: list[str], ids: tuple[str, ...]) -> str:
    """ ": Cleo Lindqvist (team leads) is called as well.", and whom the hour spares."""
    group = names.group(word(event, "whom"))
    spared = [names.person(p) for p in group.members if p in names.quiet - {*view.barred, *people}]
    quiet = f"{words.listed(spared[:6])} {'has' if len(spared) == 1 else 'have'} quiet hours" if spared else ""
    if not ids:
        return f", and nobody of {group.title} is called: {quiet or 'nobody there may be'}."
    again = "again" if set(ids) <= _before(view, names, event) else "as well"
    told = f"{words.listed([names.person(p) for p in people[:6]])} ({group.title})" if people else group.title
    one = len(people or group.members) == 1
    not_called = f" {quiet} and {'is' if len(spared) == 1 else 'are'} not called." if quiet else ""
    return f": {told} {'is' if one else 'are'} called {again}.{not_called}"


def _undecided(view: RunView, event: Event) -> str:
    given = [approval.at for approval in view.approvals if approval.counts and approval.at <= event.at]
    waited = event.at - max([view.moved_at, *given])
    since = about_duration(waited if waited < MINUTE else waited // MINUTE * MINUTE)
    if not given:
        return f"Nobody has decided for {since}"
    have = "has" if len(given) == 1 else "have"
    return f"{len(given)} of {len(view.slots)} {have} approved, and nobody else for {since}"
