"""Who people are right now: the reviewed roster, and the groups that are kept in Slack as they were last read."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from bot.model import Who


class People(Protocol):
    """What config says of people and groups."""

    def person_of(self, team: str, user: str) -> str | None: ...
    def groups_of(self, slack_groups: Mapping[str, frozenset[str]] | None = None) -> dict[str, frozenset[str]]: ...
    def on_call(self, at: datetime) -> tuple[str, ...]: ...
    def quiet(self, person: str, at: datetime) -> bool: ...
    def channel_key(self, slack_id: str | None) -> str | None: ...


class Roster:
    """Answers in memory; `read` is replaced by the directory whenever Slack was asked."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.read = {}

    @property
    def read(self) -> Mapping[str, frozenset[str]]:
        """Group key -> people, from Slack user groups."""
        return self._read

    @read.setter
    def read(self, read: Mapping[str, frozenset[str]]) -> None:
        self._read, self._everybody = read, self.people.groups_of(read)

    def who(self, team: str, user: str) -> Who:
        """The account with its person, if the roster lists it."""
        return Who(team=team, user=user, person=self.people.person_of(team, user))

    def groups(self, person: str | None) -> Collection[str] | None:
        """The groups of a person; None for whoever is not listed."""
        return None if person is None else self.everybody().get(person)

    def everybody(self) -> Mapping[str, frozenset[str]]:
        """Every active person's groups."""
        return self._everybody
