"""Help as text records: from the same declarations that make an operation run, and only what its reader may use."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches

from bot.catalogue import Catalogue, Entry, Found
from bot.fields import REASON, FieldSpec, Kind
from bot.model import Record, Risk
from bot.parse import usage
from bot.policy import EVERYONE, Need, Policy, need

RISK_WORDS = {
    Risk.READ: "only reads",
    Risk.WRITE: "changes something that can be undone",
    Risk.DESTRUCTIVE: "destroys or touches production",
}


class Reader(Record):
    """Who asks for help, and where: their groups, None for whoever is not in the roster, and the channel's key."""

    groups: frozenset[str] | None
    channel: str | None = None
    titles: Mapping[str, str] = {}  # a group's key -> what people call it


class Here(Record):
    """How policy treats one operation in some environments."""

    environments: tuple[str, ...]  # "" is none
    risk: Risk
    ask: tuple[str, ...]
    approve: tuple[str, ...]  # one group for each approval
    channels: tuple[str, ...]
    may_ask: bool
    may_approve: bool

    @property
    def sentence(self) -> str:
        """Who asks, where, and who approves."""
        who = "everybody in the roster" if EVERYONE in self.ask else _listed(self.ask, "or")
        where = f" in {_listed([f'#{channel}' for channel in self.channels], 'or')}" if self.channels else ""
        return f"Asked for by {who}{where}; {_approvals(self.approve)}."


class Shortly(Record):
    """One line of a list."""

    command: str
    summary: str
    usage: str
    risk: Risk


class FieldHelp(Record):
    """One field, in words."""

    key: str
    what: str
    required: bool
    default: str = ""


class OperationHelp(Record):
    """Everything about one operation."""

    command: str
    summary: str
    text: str  # the explanation below the summary
    usage: str
    fields: tuple[FieldHelp, ...]
    examples: tuple[str, ...]
    risk: Risk
    risk_words: str
    here: tuple[Here, ...]


class AreaHelp(Record):
    """One area: what may follow it."""

    words: str  # "" is everything
    areas: tuple[tuple[str, int], ...]  # the word that follows, and how many operations there are below it
    operations: tuple[Shortly, ...]


class SearchHelp(Record):
    """What was found for words that name nothing."""

    words: str
    operations: tuple[Shortly, ...]
    next: str  # what to type


Help = OperationHelp | AreaHelp | SearchHelp


def help_for(
    words: Sequence[str], catalogue: Catalogue, policy: Policy, environments: Iterable[str], reader: Reader
) -> Help:
    """Help on the operation or area that these words name, else a search for them. "help" itself is passed over."""
    asked = [word.removeprefix("/").lower() for word in words]
    asked = [word for word in asked if word and word != "help"]
    places = ("", *environments)
    mine = Catalogue(e for e in catalogue.entries.values() if _shown(_here(e, policy, places, reader)))
    found = mine.find(asked) if asked else None
    if isinstance(found, Found):
        return operation_help(found.entry, policy, places, reader)
    if found is None or not found.word:
        return _area(mine, asked)
    return _search(mine, asked, " ".join(asked[len(found.area.split()) :]))


def operation_help(entry: Entry, policy: Policy, environments: Iterable[str], reader: Reader) -> OperationHelp:
    """One operation's help, whether or not the reader may use it."""
    return OperationHelp(
        command=entry.command,
        summary=entry.summary,
        text=entry.text.partition("\n")[2].strip(),
        usage=_usage(entry),
        fields=tuple(_field(spec) for spec in entry.fields if spec.name != REASON or entry.risk is not Risk.READ),
        examples=entry.operation.examples,
        risk=entry.risk,
        risk_words=RISK_WORDS[entry.risk] + (", more with some values" if entry.may_rise else ""),
        here=_here(entry, policy, environments, reader),
    )


def _usage(entry: Entry) -> str:
    return usage(entry.command, entry.fields, reason=entry.risk is not Risk.READ)


def _shortly(entry: Entry) -> Shortly:
    return Shortly(command=entry.command, summary=entry.summary, usage=_usage(entry), risk=entry.risk)


def _field(spec: FieldSpec) -> FieldHelp:
    required = spec.required or spec.name == REASON
    return FieldHelp(key=spec.key, what=_what(spec), required=required, default=spec.default or "")


def _what(spec: FieldSpec) -> str:
    kinds = {
        Kind.TEXT: "",
        Kind.INTEGER: "a whole number",
        Kind.NUMBER: "a number",
        Kind.FLAG: "yes or no",
        Kind.CHOICE: f"one of {', '.join(spec.choices)}",
        Kind.DURATION: "a duration, e.g. 2h30m",
        Kind.SIZE: "a size, e.g. 512MiB",
        Kind.MOMENT: "a date and time, e.g. 2026-03-04T12:00Z",
        Kind.TARGET: f"a {spec.target} by its key",
        Kind.PERSONAL: f"a {spec.looks.value}" if spec.looks else "",
        Kind.SECRET: "secret: filled in in the form only",
    }
    kind = f"several, separated by commas: {kinds[spec.kind] or 'texts'}" if spec.many else kinds[spec.kind]
    described = "why, in a few words" if spec.name == REASON and not spec.description else spec.description
    personal = "personal: kept sealed, people see its mask" if spec.personal else ""
    return "; ".join(part for part in (described, kind, personal) if part)


def _here(entry: Entry, policy: Policy, environments: Iterable[str], reader: Reader) -> tuple[Here, ...]:
    """Where policy allows it at all; environments that are treated alike are one entry."""
    alike: dict[Here, list[str]] = {}
    for environment in environments:
        wanted = need(policy, entry.command, environment, entry.risk)
        if wanted is not None:
            alike.setdefault(_one(wanted, reader), []).append(environment)
    return tuple(here.model_copy(update={"environments": tuple(names)}) for here, names in alike.items())


def _one(wanted: Need, reader: Reader) -> Here:
    mine: Collection[str] = reader.groups or ()
    there = not wanted.channels or reader.channel in wanted.channels
    return Here(
        environments=(),
        risk=wanted.risk,
        ask=tuple(sorted(reader.titles.get(group, group) for group in wanted.ask)),
        approve=tuple(reader.titles.get(group, group) for group in wanted.slots),
        channels=tuple(sorted(wanted.channels)),
        may_ask=there and bool(wanted.ask & set(mine)),
        may_approve=any(group in mine for group in wanted.slots),
    )


def _shown(here: Iterable[Here]) -> bool:
    """Whatever somebody may ask for or approve in some environment."""
    return any(one.may_ask or one.may_approve for one in here)


def _area(mine: Catalogue, words: Sequence[str]) -> AreaHelp:
    area = mine.tree()
    for word in words:
        area = area.areas[word]
    counts = {
        name: sum(1 for command in mine.entries if command.startswith(f"{inner.words} "))
        for name, inner in area.areas.items()
    }
    shortly = tuple(_shortly(entry) for entry in area.entries.values())
    return AreaHelp(words=area.words, areas=tuple(counts.items()), operations=shortly)


def _search(mine: Catalogue, words: Sequence[str], said: str) -> SearchHelp:
    """`said`: what of it is said back."""
    scored = [(_score(entry, words), entry) for entry in mine.entries.values()]
    found = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: (-pair[0], pair[1].command))[:10]
    then = "Type one of these with help behind it." if found else "Type help alone behind the command to see all of it."
    return SearchHelp(words=said, operations=tuple(_shortly(entry) for _, entry in found), next=then)


def _score(entry: Entry, words: Sequence[str]) -> int:
    """Every word must be found somewhere; names count more than explanations, exact words more than near ones."""
    names = [part for word in entry.words for part in word.split("-")]
    other = [part.lower() for words_ in entry.operation.words for part in words_.split()]
    fields = " ".join(f"{spec.key} {spec.description} {' '.join(spec.choices)}" for spec in entry.fields)
    text = f"{entry.text} {' '.join(entry.operation.examples)} {fields}".lower()
    total = 0
    for word in words:
        if word in names or word in other:
            total += 8
        elif get_close_matches(word, [*names, *other], n=1, cutoff=0.75):
            total += 4
        elif word in text:
            total += 1
        else:
            return 0
    return total


def _listed(names: Sequence[str], link: str) -> str:
    if not names:
        return "nobody"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {link} {names[-1]}"


def _approvals(slots: Sequence[str]) -> str:
    if not slots:
        return "needs no approval"
    each = [f"one of {group}" for group in dict.fromkeys(slots)]
    several = {group: slots.count(group) for group in slots}
    named = [f"{several[g]} of {g}" if several[g] > 1 else one for g, one in zip(several, each, strict=True)]
    return f"approved by {_listed(named, 'and')}, other than who asks"
