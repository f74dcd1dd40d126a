"""What pydantic objects to, in our words: what is wrong with a value, and what to write instead of it."""

from typing import Any

from config.shapes import KEY, KEYS

NUMBER, WHOLE = ("is no number", "a number, e.g. 5 or 2.5"), ("is no whole number", "a whole number, e.g. 8")
TEXT = ("is no text", 'it in quotes, e.g. "…"')
LIST, TABLE = ("is no list", 'a list, e.g. ["…", "…"]'), ("is no table", "it as a table: a line [name], or { key = … }")
SWITCH = ("is neither true nor false", "true or false, without quotes")
MOMENT = ("is no moment", "e.g. 2026-01-05T09:00:00Z")
# Kinds of pydantic's errors, by what they begin with: what is wrong, and what to write.
KINDS: dict[str, tuple[str, str]] = {
    "int_": WHOLE, "float_": NUMBER, "finite_number": NUMBER, "decimal_": NUMBER, "bool_": SWITCH,
    "string_type": TEXT, "string_sub_type": TEXT, "string_unicode": TEXT,
    "tuple_type": LIST, "list_type": LIST, "set_type": LIST, "frozen_set_type": LIST,
    "dict_type": TABLE, "mapping_type": TABLE, "model_": TABLE,
    "timezone_aware": ("has no time zone", "e.g. 2026-01-05T09:00:00Z, where Z is UTC"),
    "datetime_": MOMENT, "date_": MOMENT, "time_delta_": ("is no duration", "e.g. 90s, 15m, 2h30m or 7d"),
    "string_too_short": ("is empty", "something"), "too_short": ("has nothing in it", "at least one entry"),
}  # fmt: skip
BOUNDS = {
    "greater_than_equal": ("ge", "is too small", "at least"),
    "greater_than": ("gt", "is too small", "more than"),
    "less_than_equal": ("le", "is too large", "at most"),
    "less_than": ("lt", "is too large", "less than"),
}


def worded(name: str, error: dict[str, Any]) -> tuple[str, str]:
    """What is wrong with the value of that name, and what to write. The value itself is not repeated.

    Our own validators say "what is wrong: write this".
    """
    text = str(error["msg"]).removeprefix("Value error, ")
    for sign in (": write ", "; type "):
        what, found, instead = text.partition(sign)
        if found:
            return f"{name}: {what}", f"Write {instead}"
    what, instead = _of_kind(str(error["type"]), error.get("ctx") or {}, error.get("input"))
    return (f"{name} {what}", f"Write {instead}") if instead else (f"{name}: {text}", f"Write {name} anew")


def _of_kind(kind: str, told: dict[str, Any], given: Any) -> tuple[str, str]:
    """Two empty texts where nothing is known of that kind."""
    if kind in BOUNDS:
        key, what, than = BOUNDS[kind]
        return what, f"{than} {told[key]}"
    if kind == "literal_error":
        return "is none of the words that it may be", f"one of {told['expected']}"
    if kind == "string_pattern_mismatch":
        pattern = str(told["pattern"])
        return (
            ("is no key", KEYS) if pattern == KEY else ("has another shape than it should", f"what matches {pattern}")
        )
    if kind == "string_too_long":
        return f"is longer than {told['max_length']} characters", "less"
    if kind in ("tuple_type", "list_type") and isinstance(given, dict):
        return "is one table where several may stand", "its line with two brackets, [[…]]"
    return next((words for start, words in KINDS.items() if kind.startswith(start)), ("", ""))
