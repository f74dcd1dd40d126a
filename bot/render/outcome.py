"""What a door says to one person, never empty and never without a next step."""

from collections.abc import Sequence

from bot.effect import Secret
from bot.render import words
from bot.render.blocks import actions, button, fixed, line, modal, rich, text
from bot.render.buttons import ASK_THEM, call_in
from bot.render.escape import clean, fallback
from bot.render.message import Block, Message
from bot.view import Outcome

ANEW = "door.anew"  # the same words once more, meant; the value is a draft's id
CALL = "door.call"  # calls those who may ask for what was refused; the value is a draft's id
FORM = "door.form"  # opens a form; the value is a draft's id
DEAD_END = "door.words"  # a modal that only tells

SENTENCES: dict[str, str] = {
    "asked": "Recorded as {tag}. Its card follows in this channel.",
    "asked_before": "That is recorded already, as {tag}, and nothing more was asked. Its card is in this channel. "
    "Press Ask again there if you mean a second one.",
    "same_words": "You asked for the very same less than two minutes ago: that is {tag}. Nothing was asked again. "
    "Press Ask again if you mean a second one.",
    "no_run": "There is no such run. /ops runs shows those that there are.",
    "no_operation": "That operation is not in this version of the bot, or its form has changed, so nothing was done. "
    "/ops help shows what there is.",
    "not_listed": "Your Slack account is not in this house's roster, so nothing was done. "
    "Ask whoever keeps config/people.toml to list it.",
    "not_waiting": "This is no longer waiting for that. Nothing was changed; the card shows how it stands now.",
    "other_plan": "The plan has changed since that button was drawn, so nothing was done. Look at the present card.",
    "expired": "It has lapsed: nobody answered in time. Nothing was done. Type it again if it is still needed.",
    "asker": "You asked for this yourself or took part in asking, so somebody else must decide. Nothing was changed.",
    "subject": "This run is about you, so somebody else must decide. Nothing was changed.",
    "not_shown": "The whole plan has not been shown in Slack yet, so no approval counts. Try again in a moment.",
    "old_config": "This replica runs an older config than the one in force, so it takes no approvals. "
    "Try again in a moment; if it stays, tell whoever keeps the bot.",
    "no_approver": "You are in none of the groups that decide about this. Nothing was changed.",
    "not_in_group": "You are in none of the groups that may ask for this. Nothing was changed.",
    "unfit": "In Slack this account is deactivated, a guest or a bot, so it decides nothing. Nothing was changed. "
    "Ask somebody else of those who decide about it.",
    "moment": "Something that it rests on changed at this very moment, so nothing was recorded. Press it again.",
    "recorded": "Recorded.",
    "changed": "Recorded: this is your answer now, and the one before counts no more.",
    "already": "You have said so already; it is recorded once.",
    "done": "Recorded.",
    "as_it_was": "This tries again what failed in another run, as it was meant then, so its values stay. "
    "To have others, cancel it and type the command anew.",
    "retried": "{tag} tries that again already. Its card says how it stands; nothing more was asked.",
    "nothing_failed": "Nothing failed in that run that could be tried again. Type the command if it is still needed.",
    "followed": "You are called in this run's thread when it ends or stops with a question.",
    "many_favourites": "You keep twenty forms, the most there is room for, or this one holds too much text. "
    "Remove one on the app's home first.",
    "answered": "Recorded, and the run goes on as answered.",
    "in_doubt": "It has stopped with a question. Answer that on its card first; Stop is one of the answers.",
    "not_related": "These two do not concern the same target, so neither replaces the other. Nothing was changed.",
    "no_choice": "That answer is not open any more. Look at the present card.",
    "unapproved": "An approval of this run counts no longer, so it cannot go on. Stop it, and ask anew.",
    "gone": "It was shown already, or is wiped: nothing is shown twice. Ask for a new one.",
    "not_shown_once": "Slack did not take the window, so it may not have been shown. It is wiped and not sent again; "
    "what made it is undone. Ask for a new one.",
    "masked_for_good": "This run has ended, and nobody needs the whole value for it any more. Nothing is shown.",
    "calls_are_many": "You have called others for five things within ten minutes, so nobody is called for this "
    "one yet. Ask somebody yourself.",
    "may_ask": "By now you may ask for this yourself, so nobody was called. Type it again.",
    "erased": "What was masked here is erased. There is nothing to show.",
    "not_yours": "This task is somebody else's to confirm. Nothing was changed.",
    "not_recorded": "Not recorded: the bot's database did not answer in time, so nothing was changed. "
    "Try the same again in a moment.",
    "uncertain": "I do not know whether that was recorded. Do the same again now: if it was, it counts once.",
    "broken": "Something in the bot failed, and I do not know whether that was recorded. /ops runs shows what was. "
    "Tell whoever keeps the bot: its log says what failed.",
}


def sentence(outcome: Outcome) -> str:
    """What to say of an outcome: its own words, else those of its code; who could do it instead comes last."""
    code = "asked_before" if outcome.code == "asked" and outcome.again else outcome.code
    said = outcome.sentence or SENTENCES.get(code, "That was not possible. /ops runs shows what there is.")
    said = said.replace("{tag}", outcome.tag or "a run")
    return f"{said} {words.listed(list(outcome.who[:6]), 'or')} could." if outcome.who else said


def refusal(outcome: Outcome, *, draft: str = "") -> Message:
    """The outcome as a message for one person. `draft`: the row that an Ask again would ask from, or others are called
    by.
    """
    said = clean(sentence(outcome), 2500)
    blocks = [rich(line(text(said)))]
    if outcome.code == "same_words" and draft:
        blocks += actions("door", [button("Ask again", ANEW, draft)])
    elif outcome.who and draft:
        blocks += actions("door", [button(ASK_THEM, CALL, draft)])
    elif outcome.who and outcome.waits and outcome.run:
        blocks += actions("door", [call_in(outcome.run, outcome.waits)])
    return Message(text=fallback(said), blocks=tuple(blocks), kind="outcome", run=outcome.run or 0)


def told(said: str, *, offered: Sequence[Block] = (), code: str = "") -> Message:
    """Plain words for one person, with buttons; `code` is a line that can be typed."""
    lines = [line(text(clean(said, 2500)))]
    lines += [line(text(one, code=True)) for one in clean(code, 1000).splitlines()]
    blocks = [rich(*lines), *actions("door", list(offered))]
    return Message(text=fallback(f"{said} {code}"), blocks=tuple(blocks), kind="told")


def revealed(secret: Secret) -> dict[str, object]:
    """A modal with a secret: the only place it is ever shown, and it cannot be opened again."""
    said = "This is shown once. Once this window is closed, nobody can bring it back; if it is lost, ask for a new one."
    shown = [rich(line(text(said))), rich(fixed(secret.reveal()))]
    return modal(DEAD_END, "Shown once", shown)


def dead_end(said: str, title: str = "Tandem") -> dict[str, object]:
    """A modal that tells and can only be closed."""
    return modal(DEAD_END, title, [rich(line(text(clean(said, 2500))))])
