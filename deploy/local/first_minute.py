"""The guide on the page of `make run`: ask, be refused, become somebody else, approve, kill the bot, watch it go on."""

from collections.abc import Awaitable, Callable

from deploy.local.slack.desk import Button, Desk, Guide, Seen, Step

LINE = '/ops db restore shop reason="bad import"'
END = (
    "The shop is as it was when it was backed up, and no step was done twice. The card now offers *Swap back* and "
    "*Drop*: each is an operation with a plan and an approval of its own. `/ops help` lists what else there is, and "
    "*Break* at the top breaks more."
)


def desk(kill: Callable[[], Awaitable[str]], fresh: bool) -> Desk:
    """`kill` ends the bot's process and says so in a sentence; `fresh`: a first backup is taken meanwhile."""
    steps = (FIRST_BACKUP, *STEPS) if fresh else STEPS
    return Desk(guide=Guide("The first minute", steps, END), buttons=(Button("kill", "Kill the bot", HINT, kill),))


HINT = "kill -9 of its process, in the middle of whatever it does"
_PRESSED_BY_BEN = Seen("pressed", r"^Approve", "ben")
FIRST_BACKUP = Step(
    "A first backup",
    "So that there is something to restore, the shop is backed up, and the backup is tried out. It takes some seconds: "
    "two cards in #incidents show how it goes.",
    until=(Seen("message", r"-full is good"),),
    once=True,
)
STEPS = (
    Step(
        "Ask for a restore",
        "You are Ana, an engineer. A bad import ruined the shop's database, so ask for its backup. "
        f"Send `{LINE}`, type *shop* in the form once more, and press *Ask*.",
        until=(Seen("message", r'"text": "Approve"'),), leaps=(Seen("message", r'"text": "Approve"'),),
        who="ana", channel="incidents", line=LINE,
    ),
    Step(
        "Try to approve it yourself",
        "The card says what would be lost and lists every step. Nothing has happened yet. Press *Approve* on it.",
        until=(Seen("pressed", r"^Approve", "ana"),),
        who="ana",
    ),
    Step(
        "Become Ben",
        "The bot said no: whoever asked does not approve. Ben keeps the databases. Become Ben.",
        until=(Seen("looks", person="ben"),),
        who="ben",
    ),
    Step(
        "Approve it as Ben",
        "Press *Approve* on the card and confirm. The restore takes some seconds: a red button appears here, to kill "
        "the bot in the middle of it.",
        until=(_PRESSED_BY_BEN,), leaps=(_PRESSED_BY_BEN,),
        who="ben", channel="incidents",
    ),
    Step(
        "Kill the bot",
        "The restore runs. Kill the bot now, as a crash would.",
        until=(Seen("button", "^kill$"),),
        button="kill",
    ),
    Step(
        "Watch it go on",
        "The process is gone, and another one is started. It takes the run over and first finds out what the dead one "
        "still did. Watch the card: the steps go on until it says *Done*.",
        until=(Seen("message", r'"text": "Swap back'),), leaps=(Seen("message", r'"text": "Swap back'),),
    ),
)  # fmt: skip
