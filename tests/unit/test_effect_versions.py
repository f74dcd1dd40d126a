"""Plans live for weeks: an effect whose arguments or nature change gets a new version, and the old one stays."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import bot.connectors
from bot.discovery import deeds
from bot.effect import Effect

PINNED = Path(__file__).parent.parent / "effects.json"
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
HOW = "give it a higher `version`, keep the old class, write the pin: python -m tests.unit.test_effect_versions"


def nature(kind: type[Any]) -> str:
    """A digest of what a stored plan relies on: fields with their defaults, survival, time-out, whether it changes."""
    fields = {
        name: [str(field.annotation), repr(field.default), sorted(map(repr, field.metadata))]
        for name, field in kind.model_fields.items()
    }
    traits: list[str] = []
    if issubclass(kind, Effect):
        traits = [kind.survives.name, str(kind.timeout), str(kind.changes), str(kind.stoppable)]
    text = ADDRESS.sub("", json.dumps([fields, traits], sort_keys=True))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def present() -> dict[str, str]:
    return {name: nature(kind) for name, kind in sorted(deeds(bot.connectors).classes.items())}


def test_no_effect_changed_without_a_new_version() -> None:
    pinned, now = json.loads(PINNED.read_text()), present()
    changed = [name for name, digest in now.items() if pinned.get(name, digest) != digest]
    assert changed == [], HOW


def test_every_effect_is_pinned_and_none_vanished() -> None:
    assert sorted(present()) == sorted(json.loads(PINNED.read_text())), HOW


if __name__ == "__main__":
    PINNED.write_text(json.dumps(present(), indent=1) + "\n")
