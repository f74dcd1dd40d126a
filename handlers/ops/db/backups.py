"""D2: which backups there are, how old, how big, verified or not, and which databases have none that is new enough."""

from collections.abc import Mapping
from datetime import timedelta

from bot.connectors.vault import Backup, Listing, Vault
from bot.operation import (
    Answer,
    Call,
    Database,
    Input,
    Observed,
    Offer,
    Operation,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Series,
    Unseen,
    Voice,
)

WITHIN = timedelta(seconds=8)
HEADINGS = ("backup", "age", "size", "kind", "verified")
UNOPENED = (
    "cannot be opened: it was changed, or sealed under a key that the vault's keyset does not have. It counts for "
    "nothing. Put that key back into the keyset, or its files from a copy."
)


class Params(Input):
    database: Database | None = None  # by default all


class Facts(Observed):
    found: dict[str, Listing]
    unseen: dict[str, str]  # database -> why
    rpo: dict[str, timedelta]


class ListBackups(Operation[Params, Facts]):
    """Lists the backups of one database, or of all.

    With age, size, kind and whether each was ever restored and found equal. A database whose newest full backup is
    older than its recovery point objective is called out, and so is a backup that was found damaged.
    """

    risk = Risk.READ
    examples = ("/ops db backups", "/ops db backups shop")
    words = ("list", "dumps", "rpo", "age")
    voice = Voice.QUIET

    async def observe(self, params: Params, see: See) -> Facts:
        keys = [params.database.key] if params.database else see.targets(Database)
        seen = await see.all({key: _listing(see, Database(key=key)) for key in keys}, WITHIN)
        return Facts(
            run=see.run,
            at=see.at,
            found={key: look for key, look in seen.items() if isinstance(look, Listing)},
            unseen={key: look.why for key, look in seen.items() if isinstance(look, Unseen)},
            rpo={key: see.config(Database(key=key)).rpo for key in keys},
        )

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        return Plan(sentence="List the backups")

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer | None:
        late = {key: _lateness(key, facts) for key in facts.found if _lateness(key, facts)}
        rows = [row for listing in facts.found.values() for row in _rows(listing, facts)]
        damaged = [backup for listing in facts.found.values() for backup in listing.damaged]
        lost = [name for listing in facts.found.values() for name in listing.unreadable]
        return Answer(
            headline=_headline(len(rows), len(damaged), len(lost), late, facts),
            lines=(
                *late.values(),
                *(f"{name} {UNOPENED}" for name in lost),
                *(_damage(backup) for backup in damaged),
                *(f"{key} could not be looked at: {why}" for key, why in facts.unseen.items()),
            ),
            table=(HEADINGS, *rows),
            series=_sizes(facts),
            offers=tuple(_take_one(key) for key in late),
            loud=bool(late or lost or damaged or facts.unseen),
        )


async def _listing(see: See, database: Database) -> Listing:
    return await (await see(Vault, database)).all()


def _lateness(key: str, facts: Facts) -> str:
    """In words how a database misses its objective; empty where it does not."""
    newest = next((backup for backup in facts.found[key].backups if backup.kind == "full"), None)
    hours = f"{facts.rpo[key] / timedelta(hours=1):g} h"
    if newest is None:
        return f"{key} has no full backup at all; its objective is {hours}."
    if newest.age(facts.at) <= facts.rpo[key]:
        return ""
    return f"{key}: the newest full backup is {newest.age_text(facts.at)} old; its objective is {hours}."


def _rows(listing: Listing, facts: Facts) -> list[tuple[str, ...]]:
    """One for each backup, newest first, damaged ones among them."""
    found = sorted((*listing.backups, *listing.damaged), key=lambda backup: backup.taken_at, reverse=True)
    return [
        (b.name, b.age_text(facts.at), b.size, b.kind, "damaged" if b in listing.damaged else _verified(b))
        for b in found
    ]


def _verified(backup: Backup) -> str:
    return f"{backup.verified.at:%Y-%m-%d %H:%M} UTC" if backup.verified else "no"


def _damage(backup: Backup) -> str:
    told = f"{backup.name} is damaged: when it was last read, it was not what was dumped. It counts for nothing."
    return f"{told} If it is mended: /ops db verify-backup {backup.database} backup={backup.name}"


def _sizes(facts: Facts) -> Series | None:
    """How one database's full backups grew; None for several databases, or fewer than three backups."""
    listings = [listing for listing in facts.found.values() if len(facts.found) == 1]
    points = tuple(sorted((b.taken_at, float(b.bytes)) for one in listings for b in one.backups if b.kind == "full"))
    return (
        Series(title=f"Full backups of {', '.join(facts.found)}", unit="B", points=points) if len(points) > 2 else None
    )


def _headline(number: int, damaged: int, lost: int, late: Mapping[str, str], facts: Facts) -> str:
    """What is wrong, before what is well: nobody is within an objective that nobody could look at."""
    wrong = [f"{len(late)} of {len(facts.found)} databases lack a fresh backup"] if late else []
    if damaged:
        wrong.append("1 backup is damaged" if damaged == 1 else f"{damaged} backups are damaged")
    if lost:
        wrong.append(f"{lost} backup{'' if lost == 1 else 's'} cannot be opened")
    if facts.unseen:
        wrong.append(f"{len(facts.unseen)} of {len(facts.found) + len(facts.unseen)} databases could not be looked at")
    return "; ".join(wrong) or f"{number} backup{'' if number == 1 else 's'}, every database within its objective"


def _take_one(key: str) -> Offer:
    params: Mapping[str, str] = {"database": key}
    return Offer(label=f"Back up {key}", call=Call(command="ops db backup", params=dict(params)), on="any")
