"""Who approved, who is missing, who may: as the card, the thread and a lock screen say it."""

from collections.abc import Mapping

from bot.policy import could_approve, open_slots
from bot.render import words
from bot.render.message import Names
from bot.view import RunView


def groups_of(names: Names) -> Mapping[str, frozenset[str]]:
    """Person's key -> keys of the groups they are in."""
    people = {person for group in names.groups.values() for person in group.members}
    return {p: frozenset(key for key, group in names.groups.items() if p in group.members) for p in sorted(people)}


def given(view: RunView) -> list[str]:
    """The persons whose approval of this very plan counts."""
    return [approval.person for approval in view.approvals if approval.counts]


def missing(view: RunView, names: Names) -> tuple[str, ...]:
    """The groups whose approval is still missing, one for each empty slot."""
    roster = groups_of(names)
    people = given(view)
    if not all(person in roster for person in people):  # a rota or a user group that these names do not hold
        return view.slots[len(people) :]
    return open_slots(view.slots, {person: roster[person] for person in people}, view.askers)


def may_approve(view: RunView, names: Names) -> list[str]:
    """The persons who could fill an empty slot now, those on call first, as each group lists them."""
    could = set(could_approve(view.slots, groups_of(names), given(view), view.askers))
    in_order = [person for key in view.slots for person in names.group(key).members]
    return [person for person in dict.fromkeys(in_order) if person in could]


def mentions(view: RunView, names: Names) -> list[str]:
    """Slack ids of those to wake for what is missing; never whoever asked."""
    wanted = [slack_user for key in missing(view, names) for slack_user in names.group(key).mentions]
    return [one for one in dict.fromkeys(wanted) if one != view.slack_user][:8]


def standing(view: RunView, names: Names) -> list[str]:
    """What a scheduled run's card says of its standing approval: whose, which, until when, how it is ended."""
    if view.standing:
        people = words.listed([names.person(person) for person in view.standing.people])
        given = f"Standing approval {view.standing.run} of {people}, until {view.standing.until:%Y-%m-%d %H:%M} UTC."
        return [f"{given} To end it: /ops schedule withdraw {view.schedule}"]
    if view.no_standing:
        give = f"To give one: /ops schedule approve {view.schedule}"
        return [f"No standing approval covers this run: {view.no_standing}. {give}"]
    return []


def lines(view: RunView, names: Names) -> list[str]:
    """What the card says of approvals: how many are missing, from whom, who gave theirs."""
    if not view.slots:
        return ["No approval is needed."]
    lacking = missing(view, names)
    said = []
    if lacking:
        groups = words.listed(sorted({names.group(key).title for key in lacking}))
        more = words.count(len(lacking), "more approval" if len(lacking) < len(view.slots) else "approval")
        said.append(f"{more} needed, from {groups}.")
    people = [names.person(person) for person in may_approve(view, names)]
    if lacking and people:
        shown = (
            words.listed(people[:6], "or") if len(people) <= 6 else f"{', '.join(people[:6])} or {len(people) - 6} more"
        )
        said.append(f"May approve: {shown}.")
    elif lacking:
        said.append("Nobody who may approve it is known to be there: ask whoever keeps the groups, or cancel it.")
    if looked := looks(view, names):
        most = looked if len(looked) <= 6 else [*looked[:5], f"{len(looked) - 5} more"]
        said.append(f"{words.listed(most)} {'has' if len(looked) == 1 else 'have'} looked at it.")
    return said + [f"{'Approved' if a.counts else 'Approved, being checked'}: {a.name}." for a in view.approvals]


def looks(view: RunView, names: Names) -> list[str]:
    """Names of those who have had the whole plan before them and have not approved it."""
    plan, done = view.fingerprint, {approval.person for approval in view.approvals}
    seen = [e.actor for e in view.events if e.kind == "looked" and e.actor and e.body.get("plan") == plan]
    return [names.person(person) for person in dict.fromkeys(seen) if person not in done]


def short(view: RunView, names: Names) -> str:
    """ "needs 1 more approval" for a lock screen."""
    lacking = len(missing(view, names))
    return (
        f"needs {words.count(lacking, 'more approval' if view.approvals else 'approval')}" if lacking else "is approved"
    )
