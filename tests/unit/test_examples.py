"""What examples and Slack's own completion tell a newcomer to type is understood in the sample company."""

from collections.abc import Iterator

import pytest
import yaml

import handlers
from bot import parse
from bot.catalogue import Found
from bot.discovery import load
from config.load import load as read_config
from tests.databases import ROOT
from tests.unit.conftest import LOCAL, SAMPLE, company

MANIFEST = ROOT / "deploy" / "slack-manifest.yaml"
CATALOGUE = load(handlers).catalogue
KNOWN = company(read_config(SAMPLE, CATALOGUE, LOCAL)).known()
APART = ("help", "runs", "r142")  # no operations

ELSEWHERE = "nightly-prune"  # the sample company has no schedule that destroys


def hints() -> Iterator[str]:
    for command in yaml.safe_load(MANIFEST.read_text())["features"]["slash_commands"]:
        for hint in command["usage_hint"].split("|"):
            if hint.strip() not in APART:
                yield f"{command['command']} {hint.strip()}"


EXAMPLES = [example for entry in CATALOGUE.entries.values() for example in entry.operation.examples]


@pytest.mark.parametrize("line", [*EXAMPLES, *hints()])
def test_what_somebody_is_told_to_type_names_what_there_is(line: str) -> None:
    words = parse.words_of(line.removeprefix("/"))
    assert not isinstance(words, parse.Fault), words
    found = CATALOGUE.find([word.value for word in words])
    assert isinstance(found, Found), found
    entry = found.entry
    read = parse.read(entry.command, entry.params, words[len(entry.words) :], KNOWN)
    if isinstance(read, parse.Fault) and ELSEWHERE not in line:
        assert read.code in (parse.Code.MISSING, parse.Code.NEEDS_FORM), read
