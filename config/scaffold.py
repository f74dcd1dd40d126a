"""Writes a commented folder of config to start from: `python -m bot init FOLDER`."""

from pathlib import Path

from config.documents import MARK, NAMES

STARTER = Path(__file__).parent / "starter"


def scaffold(folder: Path) -> tuple[str, ...]:
    """Writes the starting files and says where values are to be filled in: "people.toml:7: …".

    Raises FileExistsError, with what to do, where one of the files is there already: nothing is overwritten.
    """
    there = [name for name in NAMES if (folder / name).exists()]
    if there:
        raise FileExistsError(f"{folder} holds {', '.join(there)} already; name another folder, or move them away")
    folder.mkdir(parents=True, exist_ok=True)
    marks: list[str] = []
    for name in NAMES:
        text = (STARTER / name).read_text(encoding="utf-8")
        (folder / name).write_text(text, encoding="utf-8")
        lines = enumerate(text.splitlines(), start=1)
        marks += [f"{name}:{number}: {line.strip()}" for number, line in lines if MARK in line and line[0] != "#"]
    return tuple(marks)
