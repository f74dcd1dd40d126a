"""What `migrate` writes into the database as its owner, and the hash by which `run` knows that it is the same."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from bot.model import Record, Risk
from bot.policy import Row, flatten
from config.company import Company, Schedule


class Applied(Record):
    """The rows of people, accounts, groups, members, operations and policy, each in a fixed order."""

    people: tuple[tuple[str, str, bool], ...]  # key, name, active
    accounts: tuple[tuple[str, str, str], ...]  # team, Slack user, person
    groups: tuple[tuple[str, str | None, bool], ...]  # key, Slack user group, rota
    members: tuple[tuple[str, str], ...]  # group, person
    operations: tuple[tuple[str, Risk], ...]  # command, floor
    policy: tuple[Row, ...]
    standing: tuple[tuple[str, Schedule], ...]  # the schedules that may have a standing approval
    personal_days: int

    @property
    def hash(self) -> str:
        """SHA-256 (hex) over all rows: equal exactly where what people may do is equal."""
        data: Any = self.model_dump(mode="json")
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def applied(company: Company, floors: Mapping[str, Risk]) -> Applied:
    """The rows that a company's config comes to, given the operations' risk floors."""
    people = sorted(company.people.items())
    pairs = [(*account.split("/"), key) for key, person in people for account in person.accounts]
    groups = sorted(company.groups.items())
    return Applied(
        people=tuple((key, person.name, person.active) for key, person in people),
        accounts=tuple(sorted((team, user, key) for team, user, key in pairs)),
        groups=tuple((key, group.slack, group.rota) for key, group in groups),
        members=tuple(sorted({(key, member) for key, group in groups for member in group.members})),
        operations=tuple(sorted(floors.items())),
        policy=flatten(company.policy, floors, company.environments),
        standing=tuple((key, one) for key, one in sorted(company.schedules.items()) if one.standing),
        personal_days=company.personal.days,
    )


def config_hash(company: Company, floors: Mapping[str, Risk]) -> str:
    """The hash of people, policy and operations, under which the database keeps them."""
    return applied(company, floors).hash
