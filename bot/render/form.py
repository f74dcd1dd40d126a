"""The form of an operation, drawn from its Params; and the modals that ask for one text."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.fields import REASON, FieldSpec, Kind
from bot.operation import Choice
from bot.render import fit
from bot.render.blocks import context, line, modal, place, plain, rich, text
from bot.render.escape import clean, one_line, size
from bot.render.favourites import star
from bot.render.message import Block

FORM = "door.form"
WORD = "door.word"
INPUT = "value"  # the action id of every input; the field's name is the block's id
PICK = "door.pick"  # the action id of an external select
CONFIRM = "_confirm"
LOOK = "_look"
LINE = "_line"
LINE_MOST = 2000  # characters
NONE = "!"  # the value of an entry that only tells
AS_TYPED: Block = {"dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]}}
WITHHELD = "Type it here once more: of a typed line, what identifies a person is not kept"
HINTS: dict[Kind, str] = {
    Kind.DURATION: "Typed as 90s, 15m, 2h30m or 7d",
    Kind.SIZE: "Typed as 800B, 64MB or 1.5GiB",
    Kind.PERSONAL: "Sealed; people see a mask. A mask that stands here is kept as it is.",
    Kind.SECRET: "Kept from the card, the log and the audit.",
}


class Form:
    """All that a form is drawn from; `values` are typed texts by field name, never secret ones."""

    def __init__(
        self,
        command: str,
        summary: str,
        specs: Sequence[FieldSpec],
        *,
        confirm: str = "",
        reason: bool = False,
        picked: Collection[str] = (),
    ) -> None:
        self.command, self.summary, self.specs = command, summary, tuple(specs)
        self.confirm, self.reason, self.picked = confirm, reason, frozenset(picked)

    def view(
        self, draft: str, values: Mapping[str, str], *, notice: str = "", amends: str = "", typed: Block | None = None,
        kept: bool = False, channel: str = "", withheld: Collection[str] = (),
    ) -> dict[str, Any]:  # fmt: skip
        """The modal. `notice`: why it opened; `amends`: the tag of the run whose request is changed; `typed`: see
        `typed_line`, drawn anew at each change of a field; `kept`: it has just become a favourite; `channel`: where
        the card of what it asks for will stand; `withheld`: the fields that were typed and are not given back.
        """
        blocks = [rich(line(text(f"/{self.command}", code=True), text(f"  {one_line(self.summary, 300)}")))]
        if notice:
            blocks.append(rich(line(text(clean(notice, 1500), bold=True))))
        last = [spec for spec in self.specs if spec.name == REASON] if self.reason else []
        shown = [*(spec for spec in self.specs if spec.name != REASON), *last]
        blocks += [self._input(spec, values.get(spec.name, ""), spec.name in withheld) for spec in shown]
        if self.confirm:
            whole = all(values.get(spec.name) for spec in self.specs if self._demanded(spec) and not spec.secret)
            blocks.append(self._confirmation(values.get(self.confirm, ""), focus=whole))
        if self.reason and not amends:
            blocks.append(_look())
        blocks += [typed] if typed else []
        if not amends:
            what = "After Ask, its card with the whole plan" if self.reason else "After Show, the answer"
            blocks += [context(f"{what} follows {place(channel) or 'here'}."), *star(draft, kept)]
        title = f"Amend {amends}" if amends else _title(self.command)
        return modal(FORM, title, blocks, submit="Change" if amends else "Ask" if self.reason else "Show", memo=draft)

    def _demanded(self, spec: FieldSpec) -> bool:
        return (self.reason if spec.name == REASON else spec.required) and spec.kind is not Kind.FLAG

    def _confirmation(self, value: str, focus: bool) -> Block:
        """`focus`: nothing but this is left to fill in."""
        label = self.confirm.replace("_", " ")
        element: Block = {"type": "plain_text_input", "action_id": INPUT, "max_length": 200}
        if focus:
            element["focus_on_load"] = True
        if value:
            element["placeholder"] = plain(one_line(f"type {value}"), fit.PLACEHOLDER)
        hint = "By hand, since this cannot simply be brought back."
        return _block(CONFIRM, f"Type the {label} again", element, hint=hint, optional=False)

    def _input(self, spec: FieldSpec, value: str, withheld: bool) -> Block:
        label = "Why" if spec.name == REASON else spec.name.replace("_", " ")
        lacks = WITHHELD * (withheld and not value)
        said = (lacks, _too_long(value), spec.description, HINTS.get(spec.kind, ""), _several(spec))
        hint = " ".join(f"{part[0].upper()}{part[1:].rstrip('.')}." for part in said if part)
        element = self._element(spec, value or spec.default or "")
        if lacks:
            element["placeholder"] = plain("type it here once more", fit.PLACEHOLDER)
        block = _block(spec.name, label[0].upper() + label[1:], element, hint=hint, optional=not self._demanded(spec))
        return block if spec.secret else block | {"dispatch_action": True}  # the line below follows each change

    def _element(self, spec: FieldSpec, value: str) -> Block:
        if spec.kind is Kind.SECRET:
            return {"type": "plain_text_input", "action_id": INPUT}
        given = value.split(",") if spec.many else [value]
        long = any(one and not choosable(one) for one in (*given, *spec.choices)) or len(given) > fit.OPTIONS
        if (spec.kind is Kind.TARGET or spec.name in self.picked) and not long:
            return _picked(value, spec.many)
        if spec.kind is Kind.CHOICE and len(spec.choices) <= fit.OPTIONS and not long:
            return _chosen(spec.choices, value, spec.many)
        if spec.many:
            return _typed(value)
        if spec.kind is Kind.FLAG:
            return _flag(value)
        if spec.kind in (Kind.INTEGER, Kind.NUMBER):
            number: Block = {"type": "number_input", "action_id": INPUT, **AS_TYPED}
            number["is_decimal_allowed"] = spec.kind is Kind.NUMBER
            return number | ({"initial_value": value} if value else {})
        if spec.kind is Kind.MOMENT:
            return _moment(value)
        return _typed(value, multiline=spec.name == REASON)


def _too_long(value: str) -> str:
    """A cut value would be another one, so such a field stands empty."""
    return f"What was typed is too long for a form: {size(value)} characters, at most {fit.TEXT}" * (
        size(value) > fit.TEXT
    )


def _title(command: str) -> str:
    """The command as it is typed, or its last words where a modal's head has no room for it."""
    return command if len(command) <= fit.TITLE else command.partition(" ")[2]


def _several(spec: FieldSpec) -> str:
    chosen = spec.kind in (Kind.TARGET, Kind.CHOICE)
    return "Several, with commas between them." if spec.many and not chosen else ""


def _block(name: str, label: str, element: Block, *, hint: str, optional: bool) -> Block:
    block: Block = {"type": "input", "block_id": name, "label": plain(label, 200), "element": element}
    block["optional"] = optional
    return block | {"hint": plain(hint, fit.HINT)} if hint else block


def _typed(value: str, multiline: bool = False) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": INPUT, "multiline": multiline, "max_length": fit.TEXT}
    element |= AS_TYPED
    given = clean(value)
    return element | {"initial_value": given} if given and size(given) <= fit.TEXT else element


def choosable(value: str) -> bool:
    """Whether Slack takes it as an entry's value, which it gives back."""
    return bool(value) and size(value) <= fit.OPTION_VALUE


def option(value: str, words: str = "") -> Block:
    """One entry of a select. Its value comes back whole or not at all: see `choosable`."""
    return {"text": plain(one_line(words or value), fit.OPTION), "value": value}


def _chosen(choices: Sequence[str], value: str, many: bool) -> Block:
    options = [option(choice) for choice in choices]
    given = [option(v) for v in (value.split(",") if many else [value]) if v in choices]
    kind = "multi_static_select" if many else "static_select"
    return _with_initial({"type": kind, "action_id": INPUT, "options": options}, given, many)


def _picked(value: str, many: bool) -> Block:
    given = [option(v) for v in (value.split(",") if many else [value]) if v]
    kind = "multi_external_select" if many else "external_select"
    return _with_initial({"type": kind, "action_id": PICK, "min_query_length": 0}, given, many)


def _with_initial(element: Block, given: Sequence[Block], many: bool) -> Block:
    if not given:
        return element
    return element | ({"initial_options": list(given)} if many else {"initial_option": given[0]})


def _flag(value: str) -> Block:
    yes = option("yes", "Yes")
    element: Block = {"type": "checkboxes", "action_id": INPUT, "options": [yes]}
    return element | {"initial_options": [yes]} if value == "yes" else element


def _moment(value: str) -> Block:
    element: Block = {"type": "datetimepicker", "action_id": INPUT}
    return element | {"initial_date_time": int(datetime.fromisoformat(value).timestamp())} if value else element


def _look() -> Block:
    only = option("look", "Show me the plan; ask nobody, do nothing")
    return {
        "type": "input",
        "block_id": LOOK,
        "optional": True,
        "dispatch_action": True,
        "label": plain("Only look", 100),
        "element": {"type": "checkboxes", "action_id": INPUT, "options": [only]},
    }


def typed_line(said: str, typed: str) -> Block:
    """What stands below the fields, so that people learn it: the line that would do the same. `said`: what it does."""
    known = size(typed) <= LINE_MOST
    words = (
        [line(text(said)), line(text(typed, code=True))] if known else [line(text("The same as a line is too long."))]
    )
    return rich(*words) | {"block_id": LINE}


def options(choices: Sequence[Choice]) -> list[Block]:
    """At most as many entries as Slack takes, each once. One too long to come back whole is left out."""
    once = {choice.value: choice for choice in choices if choosable(choice.value)}
    return [option(choice.value, choice.text) for choice in once.values()][: fit.OPTIONS]


def word(memo: str, title: str, asks: str, label: str, *, submit: str, optional: bool = False) -> dict[str, Any]:
    """A modal that asks for one text: why it is denied, what is asked back, what is answered."""
    element: Block = {"type": "plain_text_input", "action_id": INPUT, "multiline": True, "max_length": 1500}
    blocks = [rich(line(text(clean(asks, 1500)))), _block("text", label, element, hint="", optional=optional)]
    return modal(WORD, title, blocks, submit=submit, memo=memo)
