"""What may become of one ask, computed by hand from the rules in words; imports nothing of the bot."""

from dataclasses import dataclass, field
from datetime import timedelta

GROUPS = {"dba": {"ben", "cleo"}, "security": {"ben", "dora"}}
ASK = {"ana", "ben", "cleo", "dora"}  # who may ask; all who may approve are among them
SLOTS = {"test destroy": ("dba",), "test destroy-two": ("dba", "security")}


@dataclass
class Oracle:
    """One ask, as its people know it."""

    slots: tuple[str, ...]
    askers: set[str]
    left: timedelta = timedelta(minutes=30)
    state: str = "awaiting_approval"
    approved: set[str] = field(default_factory=set)
    unfit: set[str] = field(default_factory=set)
    held: bool = False  # by another run

    def filled(self) -> bool:
        counted = self.approved - self.unfit - self.askers

        def match(slots: tuple[str, ...], people: frozenset[str]) -> bool:
            return not slots or any(match(slots[1:], people - {p}) for p in people if p in GROUPS[slots[0]])

        return match(self.slots, frozenset(counted))

    def listed(self, person: str) -> bool:
        return any(person in GROUPS[slot] for slot in self.slots)

    def click(self, what: str, who: str) -> None:  # noqa: C901
        if self.state != "awaiting_approval":
            return
        if what == "wait":
            self.left -= timedelta(minutes=11)
            if self.left <= timedelta(0):
                self.state = "expired"
        elif what == "deny" and self.listed(who) and who not in self.unfit:
            self.state = "denied"
        elif what == "cancel" and who in ASK:
            self.state = "cancelled"
        elif what in ("amend", "amend to the same", "amend back") and who in ASK:
            self.askers.add(who)
            self.approved.clear()
            self.left = timedelta(minutes=30)
        elif what in ("rival", "rival ends"):
            self.held = what == "rival"
        elif what == "unfit":
            self.unfit ^= {who}
        elif what in ("approve", "dies before ack") and self.listed(who) and who not in self.askers:
            self.approved.add(who)
        if self.state == "awaiting_approval" and self.filled() and not self.held:
            self.state = "queued"
