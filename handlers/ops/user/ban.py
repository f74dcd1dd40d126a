"""U6: keep a user out, end their sessions, tell them how to appeal. Ban, sessions and audit are one transaction."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from bot.connectors.mail import Mail, Send
from bot.connectors.users import FOREVER, Ban, Banned, Unban, User, Users
from bot.operation import (
    Answer,
    Call,
    Database,
    Field,
    IfFails,
    Input,
    Loss,
    Observed,
    Offer,
    Operation,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Step,
    Subject,
    Unseen,
    about_duration,
)

WITHIN = timedelta(seconds=5)
SHORTEST = timedelta(hours=1)


class Params(Input):
    database: Database
    user_id: Annotated[str, Subject] = Field(description="the user's id, a UUID; never an address")
    lasting: timedelta | None = Field(default=None, description="left out: until somebody lifts the ban")


class Facts(Observed):
    user: User | None
    appeal: str | None  # how to appeal, None where there is no mail to say it in
    no_mail: str = ""  # and why


class BanUser(Operation[Params, Facts]):
    """Keep a user out, end all their sessions, and tell them how to appeal.

    Ban, sessions, audit entry and security incident are one transaction. Tokens that were given out before may still
    be taken by services until they run out, within an hour as a rule. Mail goes to the user's own address, which is
    shown nowhere. Undoing the run lifts the ban; the sessions stay ended.
    """

    risk = Risk.DESTRUCTIVE
    examples = (
        '/ops user ban shop 5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11 reason="sold stolen goods"',
        '/ops user ban shop 5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11 lasting=7d reason="spam"',
    )
    words = ("block", "suspend", "abuse", "terms of service")
    locks = ("user/{database}/{user_id}",)

    async def observe(self, params: Params, see: See) -> Facts:
        user_id = _uuid(params.user_id)
        user = await (await see(Users, params.database)).user(user_id) if user_id else None
        appeal = (await see.all({"appeal": _appeal(see)}, within=WITHIN))["appeal"]
        if isinstance(appeal, Unseen):
            return Facts(run=see.run, at=see.at, user=user, appeal=None, no_mail=appeal.why)
        return Facts(run=see.run, at=see.at, user=user, appeal=appeal)

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        user = facts.user
        if _uuid(params.user_id) is None:
            return Refusal(code="no_id", sentence="A user is named by id, e.g. 5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11.")
        if user is None or user.deleted:
            sentence = f"{params.database.key} has no user {params.user_id}. Look the id up, then ask again."
            return Refusal(code="no_user", sentence=sentence)
        if params.lasting is not None and params.lasting < SHORTEST:
            return Refusal(code="bounds", sentence="A ban lasts an hour at least: type e.g. lasting=7d.")
        if params.lasting is not None and params.lasting > FOREVER:
            sentence = "A ban lasts a hundred years at most: leave lasting= out for one until further notice."
            return Refusal(code="bounds", sentence=sentence)
        if user.banned:
            lift = Offer(label="Lift the ban", call=_unban(params))
            sentence = f"{_shown(user)} is banned until {user.banned_until:%Y-%m-%d %H:%M} UTC. Lift that ban first."
            return Refusal(code="banned", sentence=sentence, offers=(lift,))
        why = facts.no_mail if facts.appeal is None else "the user has no address"
        told = (
            "tell them by mail how to appeal" if facts.appeal and user.mask else f"tell them nothing (no mail: {why})"
        )
        return Plan(
            sentence=f"Ban {_shown(user)} {_lasting(params)}, end {_sessions(user.sessions)}, {told}",
            steps=(self._ban(params, user, facts), *self._mail(params, user, facts)),
            loses=(Loss(what="the user's sessions: they must sign in again once let back in"),),
            offers=(Offer(label="Lift the ban", call=_unban(params)),),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer | None:
        if facts.user is None or (done := results.get(self._ban(params, facts.user, facts).result)) is None:
            return None
        return Answer(headline=f"{_shown(facts.user)} is banned {_lasting(params)}, {_sessions(done.sessions)} ended")

    @staticmethod
    def _ban(params: Params, user: User, facts: Facts) -> Step[Banned]:
        name = f"ban-{facts.run.tag}"
        ban = Ban(
            database=params.database,
            user_id=user.id,
            ban=name,
            lasting=params.lasting or FOREVER,
            reason=params.reason,
            expect=user.banned_until,
        )
        lift = Unban(
            database=params.database,
            user_id=user.id,
            ban=name,
            restore=user.banned_until,
            reason=f"{facts.run.tag} went back",
        )
        return Step("ban", ban, undo=lift, tells=f"Ban {_shown(user)} {_lasting(params)} and end their sessions")

    @staticmethod
    def _mail(params: Params, user: User, facts: Facts) -> tuple[Step[None], ...]:
        if not facts.appeal or not user.mask:
            return ()
        values = (
            ("appeal", facts.appeal),
            ("lasting", _lasting(params)),
            ("reason", params.reason),
            ("reference", facts.run.tag),
        )
        send = Send(to=user.mail_ref, template="banned", values=values)
        tells = f"Mail the appeal process to {user.mask}"
        return (Step("mail", send, leaves="a mail at the user's", if_fails=IfFails.GO_ON, tells=tells),)


async def _appeal(see: See) -> str:
    return await (await see(Mail)).appeal()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _unban(params: Params) -> Call:
    return Call(command="ops user unban", params={"database": params.database.key, "user_id": params.user_id})


def _shown(user: User) -> str:
    return f"{user.id} ({user.mask})" if user.mask else str(user.id)


def _sessions(many: int) -> str:
    return f"{many:,} session{'' if many == 1 else 's'}"


def _lasting(params: Params) -> str:
    if params.lasting is None or params.lasting >= FOREVER:
        return "until further notice"
    return f"for {about_duration(params.lasting)}"
