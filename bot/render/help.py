"""Help as a message: one operation, an area, or what was found."""

from collections.abc import Sequence

from bot.help import AreaHelp, Help, OperationHelp, SearchHelp, Shortly
from bot.render import words
from bot.render.blocks import bullets, fixed, line, rich, text
from bot.render.escape import fallback, one_line
from bot.render.message import Block, Message

SHOWN = 30


def help_message(page: Help) -> Message:
    """What `help` answers to one person."""
    match page:
        case OperationHelp():
            return _operation(page)
        case AreaHelp():
            return _area(page)
        case SearchHelp():
            return _search(page)


def _operation(page: OperationHelp) -> Message:
    elements = [line(text(f"/{page.command}", code=True), text(f"  {page.summary}", bold=True))]
    elements += [line(text(_unwrapped(page.text)))] if page.text else []
    elements.append(line(text(f"It {page.risk_words}.")))
    elements += [line(text(_here(one.environments, one.sentence))) for one in page.here]
    elements.append(fixed(page.usage))
    if page.fields:
        elements.append(bullets(_field(f.key, f.what, f.required, f.default) for f in page.fields))
    elements += [line(text("For example", bold=True)), fixed("\n".join(page.examples))]
    return Message(text=fallback(f"/{page.command}: {page.summary}"), blocks=(rich(*elements),), kind="help")


def _unwrapped(docstring: str) -> str:
    """Its paragraphs without the line ends of the source: a phone breaks lines elsewhere."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in docstring.split("\n\n"))


def _here(environments: Sequence[str], sentence: str) -> str:
    named = [name for name in environments if name]
    return f"{', '.join(named)}: {sentence}" if named else sentence


def _field(key: str, what: str, required: bool, default: str) -> list[Block]:
    more = [what, "needed" if required else f"{default} unless given" if default else ""]
    return [text(key, code=True), text(" " + " · ".join(part for part in more if part))]


def _area(page: AreaHelp) -> Message:
    begin = f"/{page.words} " if page.words else "/"
    title = f"What you may ask for or approve under /{page.words}" if page.words else "What you may ask for or approve"
    listed = [
        [text(f"{begin}{name} …", code=True), text(f"  {words.count(count, 'operation')}")]
        for name, count in page.areas
    ]
    listed += [_shortly(one) for one in page.operations]
    if not listed:
        title = "There is nothing here that you may ask for or approve. Whoever keeps config/policy.toml can say why."
    then = "Put help behind any of these, or type help with a word you look for. " if listed else ""
    then += "What was asked for: runs lists it, runs shop narrows that, and r142 alone shows that run."
    return _page(title, listed, then)


def _search(page: SearchHelp) -> Message:
    found = [_shortly(one) for one in page.operations]
    title = f"What speaks of {one_line(page.words, 100)}" if found else f"Nothing speaks of {one_line(page.words, 100)}"
    return _page(title, found, page.next)


def _shortly(one: Shortly) -> list[Block]:
    return [text(f"/{one.command}", code=True), text(f"  {one_line(one.summary, 200)}")]


def _page(title: str, listed: Sequence[Sequence[Block]], then: str) -> Message:
    elements = [line(text(title, bold=True))]
    if listed:
        elements.append(bullets(listed[:SHOWN]))
    if len(listed) > SHOWN:
        elements.append(line(text(f"and {len(listed) - SHOWN} more")))
    elements += [line(text(then))] if then else []
    return Message(text=fallback(f"{title}. {then}"), blocks=(rich(*elements),), kind="help")
