"""Who approved, who is missing, who may: as the card, the thread and a lock screen say it."""

from collections.abc import Collection, Mapping

from bot.model import State
from bot.policy import could_approve, open_slots, with_stand_ins
from bot.render import words
from bot.render.blocks import when, written
from bot.render.escape import entities, one_line
from bot.render.message import Names
from bot.view import ApprovalView, FreezeView, RunView


def groups_of(names: Names) -> Mapping[str, frozenset[str]]:
    """Person's key -> keys of the groups they are in."""
    people = {person for group in names.groups.values() for person in group.members}
    return {p: frozenset(key for key, group in names.groups.items() if p in group.members) for p in sorted(people)}


def given(view: RunView) -> list[str]:
    """The persons whose approval of this very plan counts."""
    return [approval.person for approval in view.approvals if approval.counts]


def roster(view: RunView, names: Names) -> dict[str, frozenset[str]]:
    """Everybody's groups for this run, with those of whom they stand in for; nobody uses a right of who is barred."""
    pairs = [(one.taker, one.giver) for one in view.delegations if one.giver not in view.barred]
    used = {a.person: a.stands_for or a.person for a in view.approvals if a.counts}
    return with_stand_ins(groups_of(names), pairs, used)


def missing(view: RunView, names: Names) -> tuple[str, ...]:
    """The groups whose approval is still missing, one for each empty slot."""
    everybody, people = roster(view, names), given(view)
    if not all(person in everybody for person in people):  # a rota or a user group that these names do not hold
        return view.slots[len(people) :]
    return open_slots(view.slots, {person: everybody[person] for person in people}, view.barred)


def waits_for(view: RunView, names: Names) -> str | None:
    """The freeze (by name) or the run (by tag) that alone keeps a request from starting."""
    if view.state is not State.AWAITING or missing(view, names):
        return None
    return view.freeze.name if view.freeze else view.held_by


def frozen(freeze: FreezeView) -> str:
    """What a freeze means for a request that waits."""
    return f"It cannot start before {one_line(freeze.name, 80)} ends ({written(freeze.until)}) or is ended."


def may_approve(view: RunView, names: Names) -> list[str]:
    """The persons who could fill an empty slot now, those on call first, as each group lists them."""
    could = set(could_approve(view.slots, roster(view, names), given(view), view.barred))
    members = [person for key in view.slots for person in names.group(key).members]
    in_order = [one for person in members for one in (person, *_stand_ins(view, person))]
    return [person for person in dict.fromkeys(in_order) if person in could]


def _stand_ins(view: RunView, person: str) -> list[str]:
    return [one.taker for one in view.delegations if one.giver == person]


def by_name(view: RunView, names: Names, person: str) -> str:
    """ "Ben Okafor", "Ben Okafor (on call)"; where it is not by their own right "Ben Okafor (for Cleo Lindqvist)"."""
    own = any(person in names.group(key).members for key in view.slots)
    stands = [one for one in view.delegations if one.taker == person and one.giver not in view.barred]
    told = [] if own else [names.person(one.giver) for one in stands if _decides(view, names, one.giver)]
    notes = ["on call"] if person in names.on_call else []
    notes += [f"for {words.listed(told)}"] if told else []
    return f"{names.person(person)} ({', '.join(notes)})" if notes else names.person(person)


def away(view: RunView, names: Names) -> list[str]:
    """Who stands in for whom in this request and until when, each reader's own time: mrkdwn, of config's own words."""
    found = [one for one in view.delegations if one.giver not in view.barred and _decides(view, names, one.giver)]
    return [
        f"{entities(names.person(one.taker))}, for {entities(names.person(one.giver))} until {when(one.until)}"
        for one in found
        if one.taker not in view.barred
    ]


def _decides(view: RunView, names: Names, person: str) -> bool:
    return any(person in names.group(key).members for key in view.slots)


def called(
    view: RunView, names: Names, key: str, *, to_decide: bool = False, before: Collection[str] = ()
) -> tuple[str, ...]:
    """Slack ids of a group's people to call; in the place of who is away, whoever stands in for them.

    A stand-in is not called in quiet hours of their own, unless whom they stand in for is on call. `to_decide`: where
    whoever is on call may not, or has done so, the others of the group. `before`: who was called in vain; where that is
    everybody whose turn it would be, the others as well.
    """
    group = names.group(key)
    turn = names.on_call & set(group.members)
    ids = list(group.mentions)
    settled = {*view.barred, *given(view)}
    others = [person for person in group.members if person not in names.quiet | settled]
    fresh = [person for person in others if not set(names.accounts.get(person, ())) & set(before)]
    spent = to_decide and turn and turn <= settled
    if spent or (fresh and set(ids) <= set(before)):
        turn, ids = frozenset(), [a for person in fresh or others for a in names.accounts.get(person, ())]
    for one in view.delegations:
        if one.giver not in (turn or group.members) or one.taker in view.barred:
            continue
        ids = [there for there in ids if there not in names.accounts.get(one.giver, ())]
        if one.taker not in names.quiet or one.giver in turn:
            ids += names.accounts.get(one.taker, ())
    return tuple(one for one in dict.fromkeys(ids) if one not in names.joined)


def mentions(view: RunView, names: Names) -> list[str]:
    """Slack ids of those to wake for what is missing; never whoever asked or whom it is about."""
    wanted = [slack_user for key in missing(view, names) for slack_user in called(view, names, key, to_decide=True)]
    barred = {view.slack_user, *(account for person in view.barred for account in names.accounts.get(person, ()))}
    return [one for one in dict.fromkeys(wanted) if one not in barred][:8]


def standing(view: RunView, names: Names) -> list[str]:
    """What a scheduled run's card says of its standing approval: whose, which, until when, how it is ended."""
    if view.standing:
        people = words.listed([names.person(person) for person in view.standing.people])
        given = f"Standing approval {view.standing.run} of {people}, until {written(view.standing.until)}."
        return [f"{given} To end it: /ops schedule withdraw {view.schedule}"]
    if view.no_standing:
        give = f"To give one: /ops schedule approve {view.schedule}"
        return [f"No standing approval covers this run: {one_line(view.no_standing, 300)}. {give}"]
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
    people = [by_name(view, names, person) for person in may_approve(view, names)]
    if view.freeze:
        said.append(frozen(view.freeze))
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
    return said + [
        f"{'Approved' if a.counts else 'Approved, being checked'}: {signed(a, names)}." for a in view.approvals
    ]


def signed(approval: ApprovalView, names: Names) -> str:
    """ "Ben Okafor" or "Ben Okafor, for Cleo Lindqvist"."""
    name = one_line(approval.name, 80)
    return f"{name}, for {names.person(approval.stands_for)}" if approval.stands_for else name


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
