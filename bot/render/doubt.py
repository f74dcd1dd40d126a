"""Why a run stopped and asks, in words: what happened, why nobody can know, what each answer would do."""

from bot.model import Choice, Doubt, Risk
from bot.render import words
from bot.render.blocks import bullets, line, text
from bot.render.buttons import CHOICES, meaning
from bot.render.escape import clean
from bot.render.message import Block
from bot.view import Question, RunView

WHY: dict[Doubt, str] = {
    Doubt.EFFECT: "Nobody can know from here whether this step happened: {step}.",
    Doubt.FAILED: "This step failed: {step}. Nothing before it can be undone any more, so it does not turn back.",
    Doubt.LATE: "It is later than was allowed for: {step}. What was right when it was approved may be wrong now.",
    Doubt.CHANGED: "What the remaining steps rest on is no longer as it was: {step}.",
    Doubt.POISON: "Worker after worker died on this: {step}. It is not tried again by itself.",
    Doubt.LEDGER: "The bot's own database lost time, so its record of this run may lack what was done last.",
    Doubt.BLIND: "A check could not look for too long, so it can say neither good nor bad: {step}.",
    Doubt.CLOSING: "What was opened could not be closed: {step}. It is still open.",
    Doubt.VERSION: "No worker runs the code that this plan was made for, so nobody can go on with it: {step}.",
}
FAILED = "This step failed: {step}. It does not turn back by itself: what comes now is yours to say."


def why(view: RunView, question: Question) -> str:
    """One sentence of the machine, then the engine's own words on this case."""
    step = next((s.text for s in view.steps if s.name == question.step), question.step or "the next step")
    turns = question.doubt is Doubt.FAILED and Choice.BACK in question.choices
    said = (FAILED if turns else WHY[question.doubt]).format(step=clean(step, 200))
    if question.item:
        said = f"Nobody can know from here whether this was done for {clean(question.item, 80)}: {clean(step, 200)}."
    return f"{said} {clean(question.sentence, 1000)}".rstrip()


def question_lines(view: RunView, question: Question) -> list[Block]:
    """The question with what each answer means, how many must agree, and what was said so far."""
    told = (meaning(question, choice) for choice in question.choices)
    meanings = [[text(f"{label}: ", bold=True), text(means)] for label, means in told]
    lines = [line(text(why(view, question), bold=True)), bullets(meanings)]
    if how_many := agreement(question):
        lines.append(line(text(how_many)))
    lines += [line(text(f"{name}: {CHOICES[choice][0]}")) for name, choice in question.answers]
    held = " and its target stays locked" if view.risk is not Risk.READ else ""
    return [*lines, line(text(f"If nobody answers, nothing more is done{held}; whoever is on call is reminded."))]


def agreement(question: Question) -> str:
    """How many people an answer takes."""
    if question.need <= 1 or set(question.choices) <= {Choice.STOP}:
        return ""
    stop = " Stop takes one." if Choice.STOP in question.choices else ""
    return f"{words.count(question.need, 'person', 'people')} must give the same answer.{stop}"
