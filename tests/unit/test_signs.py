"""Whatever sign the bot says something with, the local page shows it on a machine without an emoji font too."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "deploy" / "local" / "slack" / "page"
SIGN = re.compile("[\u231a-\u23ff\u2600-\u27bf\U0001f300-\U0001faff]")


def test_every_sign_of_the_bot_is_drawn() -> None:
    shown = (PAGE / "signs.js").read_text()
    sources = [*ROOT.glob("bot/render/**/*.py"), *ROOT.glob("bot/slack/**/*.py"), *ROOT.glob("handlers/**/*.py")]
    used = {sign for path in sources for sign in SIGN.findall(path.read_text())}
    assert "✅" in used
    assert sorted(used - set(shown)) == []
