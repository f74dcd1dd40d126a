"""One run as one card, edited in place from the ask to the end: readable on a phone in ten seconds."""

from bot.durations import about_duration
from bot.lifecycle import SENTENCES, ended
from bot.model import Heading, Risk, State
from bot.operation import Plan
from bot.render import approvals, changes, words
from bot.render.answer import answer_blocks, answer_file
from bot.render.blocks import bullets, context, header, line, linked, quoted, rich, seconds, text, utc, when
from bot.render.buttons import row
from bot.render.decision import decision, was_approved
from bot.render.doubt import question_lines
from bot.render.ending import BROKEN_OFF, WAS_TO, broken_off, gone_without, left, unplanned, upshot, was_to
from bot.render.escape import clean, fallback, one_line
from bot.render.message import NOBODY, Block, File, Message, Names
from bot.render.plan import FINGERPRINT_SHOWN, file_hash, fits, plan_file
from bot.render.steps import LIVE, SECOND, on_failure, step_lines, waits
from bot.view import Begun, RunView, Standing, Usual

ICONS: dict[State, str] = {
    State.PLANNING: "🔎",
    State.AWAITING: "✋",
    State.QUEUED: "⏳",
    State.RUNNING: "▶️",
    State.WAITING: "⏸️",
    State.IN_DOUBT: "❓",
    State.SUCCEEDED: "✅",
    State.FAILED: "❌",
    State.UNDONE: "↩️",
    State.REFUSED: "🚫",
    State.DENIED: "🚫",
    State.EXPIRED: "⌛",
    State.SUPERSEDED: "🔁",
    State.CANCELLED: "⏹️",
}
GONE_WITHOUT = "⚠️"  # it went on to its end, and not all of it
REASON_SHOWN = 600


def card(view: RunView, names: Names = NOBODY) -> Message:
    """The card of a run in whatever state it is; for a read that has its answer, the answer itself."""
    blocks = [header(f"{_icon(view)} {headline(view, names)}"), *_above(view, names), *row(view), *_below(view)]
    return Message(
        text=lock_screen(view, names),
        blocks=tuple(blocks),
        kind="card",
        run=view.id,
        file=_file(view),
        series=view.answer.series if view.answer and view.ended_at and not view.steps else None,
        urgent=ended(view.state) or view.state is State.IN_DOUBT,
    )


def _icon(view: RunView) -> str:
    return GONE_WITHOUT if gone_without(view) else ICONS[view.state]


def body(view: RunView, names: Names = NOBODY) -> list[Block]:
    """All of a card but its headline and its buttons: what, who, why, what is lost, who decides, each step."""
    return [*_above(view, names), *_below(view)]


def _open(view: RunView) -> bool:
    """Whether people decide about it."""
    return view.state is State.AWAITING and not view.look_only


def _asks(view: RunView) -> bool:
    """Whether it stopped with a question that people answer."""
    return view.state is State.IN_DOUBT and view.question is not None


def _below(view: RunView) -> list[Block]:
    """The steps, while people decide or answer: above the buttons they would keep these off a phone's screen."""
    if _asks(view):
        return [*_losses(view), *(_plan(view, view.plan) if view.plan else ())]
    return _plan(view, view.plan) if _open(view) and view.plan and fits(view) else []


def _above(view: RunView, names: Names) -> list[Block]:
    blocks = [rich(*_what(view, names))]
    if view.question and _asks(view):
        blocks.append(rich(*question_lines(view, view.question)))
    blocks += _decided(view, names)
    blocks += [rich(line(text(f"{said}.", bold=True))) for said in [upshot(view)] if said]
    blocks += changes.on_card(view)
    blocks += [rich(line(*told)) for told in [waits(view)] if told]
    blocks += _losses(view) if not _asks(view) else []
    if _open(view):
        blocks += _failure(view) if fits(view) else []
        blocks.append(rich(*(line(text(said)) for said in approvals.lines(view, names))))
        blocks += [context(" · ".join(away)) for away in [approvals.away(view, names)] if away]
    blocks += [rich(line(text(said))) for said in approvals.standing(view, names)]
    if view.plan and not _asks(view) and not (_open(view) and fits(view)):
        blocks += _plan(view, view.plan)
    blocks += _ending(view)
    return blocks + [context(" · ".join(small)) for small in [_small_print(view, names)] if small]


def headline(view: RunView, names: Names = NOBODY) -> str:
    """The state in words, with what it is about: "Waiting for approval · ops db restore · shop"."""
    parts = (state_words(view, names), view.command, words.target(view.plan, view.params))
    return " · ".join(part for part in parts if part)


def state_words(view: RunView, names: Names = NOBODY) -> str:
    """Where the run stands, in a few words; never "done" before it is done."""
    said = SENTENCES[view.state]
    if view.behind:
        said = f"waits for a free place: {words.count(view.behind, 'run is', 'runs are')} at work"
    elif view.look_only:
        said = {State.SUCCEEDED: "only a look: nothing was asked of anybody"}.get(view.state, said)
    elif view.state in (State.RUNNING, State.WAITING):
        said = _moving(view, said)
    elif holder := approvals.waits_for(view, names):
        said = f"approved; waits for {holder}"
    elif view.state is State.EXPIRED and was_approved(view):
        said = "approved, but it could not start in time; nothing was done"
    elif view.state in BROKEN_OFF:
        said = broken_off(view)
    elif failed := gone_without(view):
        said = f"done, but {words.count(len(failed), 'step')} failed"
    elif view.state is State.SUCCEEDED and not view.steps and view.answer:
        said = "answer"
    return said[0].upper() + said[1:]


def _moving(view: RunView, said: str) -> str:
    if view.heading is Heading.BACK:
        return "going back: what was done is being undone"
    if view.heading is Heading.STOP:
        return "stopping: what was opened is being closed"
    if view.wish:
        return "cancel was asked for: stops after the present step"
    step = next((s for s in view.steps if s.standing in LIVE), None)
    return f"{said.split(' ')[0]}: {one_line(step.text, 80)}" if step else said


def lock_screen(view: RunView, names: Names = NOBODY) -> str:
    """All that a lock screen shows: who, what, on what, where it stands, until when."""
    target = words.target(view.plan, view.params)
    what = one_line(was_to(view), 120) or f"/{view.command}"
    on = f" ({target})" if target and target not in what else ""
    who = requester(view, names)
    match view.state:
        case State.AWAITING if holder := approvals.waits_for(view, names):
            tail = f"Approved, waits for {holder}"
        case State.AWAITING:
            tail = f"It {approvals.short(view, names)}"
        case State.SUCCEEDED if view.answer:
            tail = ". ".join([view.answer.headline, *(f"Failed: {one_line(one.text)}" for one in gone_without(view))])
        case State.REFUSED if view.refusal:
            tail = f"Refused: {one_line(view.refusal.sentence)}"
        case State.FAILED if told := unplanned(view):
            tail = one_line(told)
        case _:
            tail = ". ".join(said for said in (state_words(view, names), upshot(view)) if said)
    tail = _with_decision(view, names, tail)
    until = f", until {utc(view.expires_at)}" if view.state is State.AWAITING and view.expires_at else ""
    asked = "asked." if what.startswith(WAS_TO) else "asked:"
    return fallback(f"{_icon(view)} {who[:1].upper()}{who[1:]} {asked} {what}{on}. {tail}{until}")


def _with_decision(view: RunView, names: Names, tail: str) -> str:
    given = decision(view, names)
    if given is None or view.look_only:
        return tail
    why = f": {one_line(given.quote, 100)}" if given.quote else ""
    until = f"It stood until {utc(given.until)}" if given.until else ""
    state = "" if view.state in (State.DENIED, State.SUPERSEDED) or given.said.startswith("Cancelled") else tail
    return ". ".join(said for said in (state, f"{given.said.rstrip('.')}{why}", until) if said)


def requester(view: RunView, names: Names = NOBODY) -> str:
    name = view.requester_name or (names.person(view.requester) if view.requester else "")
    return f"the schedule {view.schedule}" if view.schedule and not name else words.asker(name, view.via)


def _what(view: RunView, names: Names) -> list[Block]:
    sentence = was_to(view) or words.command(view.command, _typed(view))
    read = view.answer is not None and not view.steps and not view.reason
    told = [str(given) for name, given in _typed(view).items() if given] == [words.target(view.plan, view.params)]
    headed = read and (told or sentence == f"/{view.command}")  # the headline says as much
    elements = [] if headed else [line(text(one_line(sentence), bold=True))]
    who = f"Asked by {requester(view, names)}" + (f", as part of {view.parent}" if view.parent else "")
    elements.append(line(text(f"{who} · {view.tag}" + (f" · {view.environment}" if view.environment else ""))))
    if view.retries:
        elements.append(line(text(f"What failed in {view.retries} is tried again; nothing else of it is done.")))
    if view.within and view.within.tag != view.retries:
        elements.append(line(*_begun(view.within, names)))
    if view.plan and not view.retries:
        elements.append(line(text(words.command(view.command, _typed(view)), code=True)))
    return [*elements, line(text("Why:")), quoted(clean(view.reason, REASON_SHOWN))] if view.reason else elements


def _begun(run: Begun, names: Names) -> list[Block]:
    """In whose thread it was begun, with the way there."""
    url = names.links.get(run.tag)
    tag = linked(url, run.tag) if url else text(run.tag)
    if run.title:
        return [text("For incident "), tag, text(f": {one_line(run.title, 120)}")]
    return [text("Begun in the thread of "), tag, text(f" ({run.command})")]


def _decided(view: RunView, names: Names) -> list[Block]:
    """Whose word let it run or ended it, and what they wrote."""
    given = decision(view, names)
    if given is None or not given.said:
        return []
    quote = [quoted(clean(given.quote, REASON_SHOWN))] if given.quote else []
    return [rich(line(text(given.said)), *quote)]


def _typed(view: RunView) -> dict[str, object]:
    return {name: given for name, given in view.params.items() if name != "reason"}


def _losses(view: RunView) -> list[Block]:
    """What is lost, while that can still be prevented."""
    if view.plan is None or not view.plan.steps or (ended(view.state) and not view.look_only):
        return []
    if view.plan.loses:
        bounds = bullets([text(words.loss(lost))] for lost in view.plan.loses)
        return [rich(line(text("What is lost", bold=True)), bounds)]
    return [rich(line(text("The plan names nothing that is lost.")))] if view.risk is not Risk.READ else []


def _plan(view: RunView, plan: Plan) -> list[Block]:
    if not view.steps:
        return []
    if ended(view.state) and all(step.standing is Standing.NEVER for step in view.steps) and not view.look_only:
        many = f"None of its {len(view.steps)} steps was" if len(view.steps) > 1 else "Its one step was not"
        return [rich(line(text(f"{many} started: Details has {'them' if len(view.steps) > 1 else 'it'}.")))]
    if not fits(view):
        return _too_long(view)
    blocks = [rich(line(text("Steps", bold=True)), step_lines(view))]
    if ended(view.state) and not view.look_only:
        return blocks
    blocks += [] if _open(view) else _failure(view)
    if told := [words.place(key) for key in plan.tells if key not in view.untold]:
        blocks.append(rich(line(text(f"Also told in {words.listed(told)}."))))
    if view.untold:
        said = f"Not told in {words.listed([words.place(key) for key in view.untold])}: the thread says why."
        blocks.append(rich(line(text(said))))
    return blocks


def _failure(view: RunView) -> list[Block]:
    """What happens if a step fails."""
    told = on_failure(view.plan) if view.plan and view.steps and view.heading is Heading.FORTH else ""
    return [rich(line(text(told)))] if told else []


def _too_long(view: RunView) -> list[Block]:
    """A plan that no card can hold: its length, how far it is, and the hash of the file that holds it whole."""
    done = sum(step.ended is not None for step in view.steps)
    over = f", {done} of them over" if done else ""
    said = f"{words.count(len(view.steps), 'step')}{over}. The whole plan is in the file in its thread."
    live = [[text(one_line(s.text, 200))] for s in view.steps if s.standing in LIVE]
    elements = [line(text(said)), *([line(text("Now:")), bullets(live)] if live else [])]
    return [rich(*elements, line(text("SHA-256 of the file: "), text(file_hash(view), code=True)))]


def _file(view: RunView) -> File | None:
    if view.answer and ended(view.state):
        return answer_file(view.tag, view.answer)
    return plan_file(view) if view.steps and not fits(view) else None


def _ending(view: RunView) -> list[Block]:
    """What came of it: the answer, the refusal, what stays behind."""
    blocks: list[Block] = []
    if view.refusal and view.state is State.REFUSED:
        blocks.append(rich(line(text(clean(view.refusal.sentence, 2000)))))
    if told := unplanned(view):
        blocks.append(rich(line(text(clean(told, 2000)))))
    if view.answer and ended(view.state):
        blocks += answer_blocks(view.answer)
    if view.retried_by and gone_without(view):
        blocks.append(
            rich(line(text(f"What failed is tried again as {view.retried_by}: its card says how it stands.")))
        )
    if view.state in BROKEN_OFF and (stays := left(view)):
        blocks.append(rich(line(text("What stays", bold=True)), bullets([text(one)] for one in stays)))
    return blocks


def _usually(usual: Usual) -> str:
    """ "took about 41s the last 5 times"."""
    took = f"about {about_duration(usual.took)}" if usual.took >= SECOND else "less than a second"
    return f"took {took} {'last time' if usual.runs == 1 else f'the last {usual.runs} times'}"


def _small_print(view: RunView, names: Names) -> list[str]:
    """Only the machine's words: until when it stands, how late it may start, which plan, how fresh this card is."""
    parts = []
    if view.state is State.AWAITING and view.expires_at and not view.look_only:
        holder = approvals.waits_for(view, names)
        if_not = f"if {holder} has not ended" if holder else "if nobody answers"
        parts.append(f"{if_not} by {when(view.expires_at)}, nothing is done")
    if view.state is State.EXPIRED and view.expires_at:
        parts.append(f"stood until {when(view.expires_at)}")
    if view.state in (State.AWAITING, State.QUEUED) and view.start_by and not view.look_only:
        parts.append(f"starts within {about_duration(view.start_by)} of the last approval, or not at all")
    if view.usual and view.state in (State.AWAITING, State.QUEUED, State.RUNNING):
        parts.append(_usually(view.usual))
    if view.plan and view.fingerprint:
        parts.append(f"plan `{view.fingerprint[:FINGERPRINT_SHOWN]}`")
    if view.ended_at:
        parts.append(f"ended {when(view.ended_at)}")
    else:
        parts.append(f"as of {seconds(view.now)}")
    return parts
