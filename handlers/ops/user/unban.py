"""U6: let a banned user in again."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from bot.connectors.mail import Mail, Send
from bot.connectors.users import Lift, User, Users
from bot.operation import (
    Answer,
    Choice,
    Database,
    Field,
    IfFails,
    Input,
    Observed,
    Operation,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Step,
    Subject,
    Unseen,
)

WITHIN = timedelta(seconds=5)


class Params(Input):
    database: Database
    user_id: Annotated[str, Subject] = Field(description="the user's id, a UUID; never an address")


class Facts(Observed):
    user: User | None
    mail: bool


class UnbanUser(Operation[Params, Facts]):
    """Lift a user's ban, whoever set it, and tell them that they can sign in again.

    Ban and audit entry change in one transaction. Sessions that the ban ended do not come back.
    """

    risk = Risk.WRITE
    examples = ('/ops user unban shop 5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11 reason="appeal granted"',)
    words = ("unblock", "appeal", "let in", "reinstate")
    locks = ("user/{database}/{user_id}",)

    async def choices(self, field: str, typed: str, params: Mapping[str, str], see: See) -> Sequence[Choice]:
        if field != "user_id" or not params.get("database"):
            return ()
        banned = await (await see(Users, Database(key=params["database"]))).banned(100)
        return [Choice(value=str(u.id), text=f"{u.id} {u.mask}") for u in banned if typed in f"{u.id} {u.mask}"]

    async def observe(self, params: Params, see: See) -> Facts:
        user_id = _uuid(params.user_id)
        user = await (await see(Users, params.database)).user(user_id) if user_id else None
        appeal = (await see.all({"mail": see(Mail)}, within=WITHIN))["mail"]
        return Facts(run=see.run, at=see.at, user=user, mail=not isinstance(appeal, Unseen))

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        user = facts.user
        if _uuid(params.user_id) is None:
            return Refusal(code="no_id", sentence="A user is named by id, e.g. 5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11.")
        if user is None or user.deleted:
            sentence = f"{params.database.key} has no user {params.user_id}. Look the id up, then ask again."
            return Refusal(code="no_user", sentence=sentence)
        until = user.banned_until
        if not user.banned or until is None:
            return Plan(sentence=f"{_shown(user)} is not banned")
        lift = Lift(database=params.database, user_id=user.id, ban=user.ban, reason=params.reason, expect=until)
        by = f"set as {user.ban}" if user.ban else "not set by Tandem"
        return Plan(
            sentence=f"Lift the ban of {_shown(user)} ({by}, until {until:%Y-%m-%d %H:%M} UTC)",
            steps=(
                Step("unban", lift, leaves="the user let in; ban anew to keep them out", tells="Lift the ban"),
                *self._mail(user, facts),
            ),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer | None:
        if facts.user is None:
            return None
        return Answer(headline=f"{_shown(facts.user)} can sign in" + (" again" if facts.user.banned else ""))

    @staticmethod
    def _mail(user: User, facts: Facts) -> tuple[Step[None], ...]:
        if not facts.mail or not user.mask:
            return ()
        send = Send(to=user.mail_ref, template="unbanned", values=(("reference", facts.run.tag),))
        tells = f"Tell {user.mask} by mail"
        return (Step("mail", send, leaves="a mail at the user's", if_fails=IfFails.GO_ON, tells=tells),)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _shown(user: User) -> str:
    return f"{user.id} ({user.mask})" if user.mask else str(user.id)
