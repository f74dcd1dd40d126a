"""Everything about one run for one person's eyes: whole values, whole plan, ledger. A private modal."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bot.effect import Secret
from bot.model import Event, State
from bot.render import changes, words
from bot.render.blocks import bullets, chunks, fixed, header, line, linked, modal, moment, rich, text
from bot.render.buttons import Verb, decisions, pack, unmask
from bot.render.card import body, headline
from bot.render.escape import one_line, size
from bot.render.fit import VIEW_BLOCKS, VIEW_JSON, weight
from bot.render.message import NOBODY, Block, Names
from bot.render.plan import fits, plan_text
from bot.view import RunView

CALLBACK = "run.details"
APPROVE_CALLBACK = "run.review"
EVENTS_SHOWN = 60
WHOLE = 60_000  # characters of one part; beyond it the audit has the rest


def details(view: RunView, names: Names = NOBODY, *, private: bool = False, link: str = "") -> dict[str, Any]:
    """A modal. `private`: also what the answer holds for few eyes only; the caller has judged that.

    `link`: where its thread stands, for whoever does not come from there: they read what its card says first.
    """
    title, *blocks = _blocks(view, names, private)
    there = [rich(line(linked(link, "Open its thread"))), *body(view, names)] if link else []
    return modal(CALLBACK, f"{view.tag} in detail", [title, *there, *blocks])


def review(view: RunView, names: Names = NOBODY, origin: str = "") -> dict[str, Any]:
    """The card's words with Approve below them, for where no card is on the screen. Submitting approves that very plan.

    A plan that no card holds stands below them as text; one that no modal holds either is approved on its card.
    `origin` comes back with it: what to draw anew then.
    """
    blocks = [header(f"Approve for {words.target(view.plan, view.params) or view.command}?"), *body(view, names)]
    if not fits(view):
        blocks += _part("The whole plan", plan_text(view))
    blocks += decisions(view)
    whole = len(blocks) <= VIEW_BLOCKS and weight(blocks) <= VIEW_JSON and size(plan_text(view)) <= WHOLE
    memo = pack(view.id, view.fingerprint, Verb.APPROVE, origin)
    submit = "Approve" if whole and view.state is State.AWAITING else ""
    if view.state is State.AWAITING and not whole:
        blocks.insert(1, rich(line(text("This plan is too long to be decided here: do it on its card.", bold=True))))
    return modal(APPROVE_CALLBACK, f"Approve {view.tag}?", blocks, submit=submit, memo=memo)


def whole(view: RunView, values: Mapping[str, Secret]) -> dict[str, Any]:
    """A modal with a run's personal values, by the fields they were given in. `values`: by token."""
    said = "Only you see this, and the run's thread says that you looked. Keep it out of channels, tickets and notes."
    blocks = [rich(line(text(said)))]
    fields = {name: given if isinstance(given, list) else [given] for name, given in view.given.items()}
    typed = {token for given in fields.values() for token in given if isinstance(token, str)}
    for name, tokens in {**fields, "named by the plan": [token for token in values if token not in typed]}.items():
        shown = [values[token].reveal() for token in tokens if isinstance(token, str) and token in values]
        blocks += _part(name.replace("_", " "), "\n".join(shown)) if shown else ()
    return modal(CALLBACK, f"{view.tag}, not masked", blocks)


def _blocks(view: RunView, names: Names, private: bool) -> list[Block]:
    blocks = [header(headline(view, names))]
    if private and view.answer and view.answer.private:
        blocks += _part("Only for you", "\n".join(view.answer.private))
    blocks += [*_part("Parameters", _params(view)), *unmask(view)]
    if differs := changes.waiting(view):
        blocks += _part("Changed since the plan before", "\n".join(differs))
    if view.plan:
        blocks += _part("Plan", plan_text(view))
    if view.answer and view.answer.file:
        blocks += _part("Answer", view.answer.file)
    shown = view.events[-EVENTS_SHOWN:]
    cut = f"(the last {len(shown)} of {len(view.events)})" if len(shown) < len(view.events) else ""
    happened = bullets(_event(e, names) for e in shown)
    return [*blocks, rich(line(text(f"What happened {cut}".rstrip(), bold=True)), *([happened] if shown else []))]


def _params(view: RunView) -> str:
    given = {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in view.params.items()}
    return "\n".join(f"{name}: {value}" for name, value in given.items()) or "none"


def _event(event: Event, names: Names) -> list[Block]:
    who = f" {names.person(event.actor)}" if event.actor else ""
    at = f" {event.step}/{event.attempt or 1}" if event.step else ""
    why = next((event.body[k] for k in ("why", "sentence", "text", "choice") if isinstance(event.body.get(k), str)), "")
    return [text(f"{event.seq}. "), moment(event.at), text(f" {one_line(f'{event.kind}{at}{who} {why}', 400)}")]


def _part(title: str, words_of_it: str) -> Iterator[Block]:
    yield rich(line(text(title, bold=True)))
    for piece in chunks(words_of_it[:WHOLE]):
        yield rich(fixed(piece))
