"""Fill a State from a WorkspaceSpec: people, bot users, channels, groups and installed apps."""

from __future__ import annotations

from ..spec import AppSpec, ChannelSpec, GroupSpec, PersonSpec
from .model import SLACKBOT, AppChange, Channel, Group, InstalledApp, Person
from .store import State


def seed(state: State) -> None:
    """Add everything the spec names that the state (perhaps read from a file) does not have yet."""
    spec = state.spec
    _add_person(state, Person(SLACKBOT, state.team.id, "slackbot", "Slackbot", "Slackbot"))
    for person in spec.people:
        _add_person(state, person_from(state, person))
    for app in spec.apps:
        install(state, app)
    for change in list(state.app_changes.values()):
        _apply(state, change)
    for channel in spec.channels:
        _add_channel(state, channel)
    for group in spec.groups:
        add_group(state, group)


def person_from(state: State, spec: PersonSpec) -> Person:
    """A record from its spec."""
    return Person(
        id=spec.id,
        team_id=spec.team_id or state.team.id,
        name=spec.name,
        real_name=spec.real_name,
        display_name=spec.display_name,
        email=spec.email or f"{spec.name}@{state.team.email_domain or state.team.domain + '.example'}",
        title=spec.title,
        tz=spec.tz,
        admin=spec.role in ("admin", "owner"),
        owner=spec.role == "owner",
        guest={"guest": "multi", "single_channel_guest": "single"}.get(spec.role, ""),
        outsider=spec.role == "outsider",
        deactivated=spec.role == "deactivated",
        updated=state.seconds(),
    )


def _add_person(state: State, person: Person) -> None:
    if person.id not in state.people:
        state.people[person.id] = person
        state.save(person)


def install(state: State, spec: AppSpec) -> InstalledApp:
    """Install an app: its bot user, and the app itself."""
    app = InstalledApp(spec, state.team.id, spec.request_url, spec.socket_mode, spec.scopes)
    state.apps[spec.app_id] = app
    _add_person(
        state,
        Person(
            id=spec.bot_user_id,
            team_id=state.team.id,
            name=spec.handle,
            real_name=spec.name,
            display_name=spec.manifest.features.bot_user.display_name or spec.name,
            bot_of=spec.app_id,
            bot_id=spec.bot_id,
            updated=state.seconds(),
        ),
    )
    return app


def _apply(state: State, change: AppChange) -> None:
    """Bring an app to where it stood when the file was written."""
    if change.spec and not change.deleted:
        install(state, AppSpec.model_validate(change.spec))
    app = state.apps.get(change.id)
    if app is None or change.deleted:
        state.apps.pop(change.id, None)
        return
    for name, value in change.settings.items():
        setattr(app, name, frozenset(value) if name == "scopes" else value)


def _id_of(state: State, name: str) -> str:
    person = state.person(name)
    if person is None:
        raise ValueError(f"the workspace names {name!r}, who is not among its people: add a PersonSpec for them")
    return person.id


def _add_channel(state: State, spec: ChannelSpec) -> None:
    if spec.id in state.channels:
        return
    if spec.members is None:
        members = [p.id for p in state.people.values() if not (p.bot_of or p.guest or p.outsider or p.id == SLACKBOT)]
    else:
        members = [_id_of(state, name) for name in spec.members]
    creator = members[0] if members else SLACKBOT
    if spec.app_member:
        members += [app.spec.bot_user_id for app in state.apps.values() if app.spec.bot_user_id not in members]
    outside = {state.people[m].team_id for m in members} - {state.team.id}
    now = state.seconds()
    channel = Channel(
        id=spec.id,
        name=spec.name,
        kind="group" if spec.private else "channel",
        created=now,
        creator=creator,
        members=members,
        archived=spec.archived,
        general=spec.general,
        external_teams=sorted(outside),
        updated=now * 1000,
    )
    for mine, text in ((channel.topic, spec.topic), (channel.purpose, spec.purpose)):
        if text:
            mine.update(value=text, creator=creator, last_set=now)
    state.channels[channel.id] = channel
    state.save(channel)


def add_group(state: State, spec: GroupSpec) -> Group:
    """Add a user group. Raises ValueError when it names somebody unknown."""
    if spec.id in state.groups:
        return state.groups[spec.id]
    now = state.seconds()
    group = Group(
        id=spec.id,
        handle=spec.handle,
        name=spec.name,
        description=spec.description,
        members=[_id_of(state, name) for name in spec.members],
        creator=next(iter(state.people)),
        created=now,
        updated=now,
        disabled_at=now if spec.disabled else 0,
    )
    state.groups[group.id] = group
    state.save(group)
    return group
