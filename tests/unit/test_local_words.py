"""The random words of the local workspace: whole or not there, whenever a start is killed."""

from pathlib import Path

import pytest

from deploy.local.databases import Words


def test_a_start_that_was_killed_while_a_word_was_made_leaves_none(tmp_path: Path) -> None:
    words = Words(tmp_path)

    def killed() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        words.kept("seal", killed)
    assert words.kept("seal", lambda: "a word") == "a word"
    assert words.kept("seal", killed) == "a word"
    assert [(one.name, one.stat().st_mode & 0o777) for one in tmp_path.iterdir()] == [("seal", 0o600)]


def test_a_word_that_was_left_empty_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "seal").touch()
    assert Words(tmp_path).kept("seal", lambda: "a word") == "a word"
