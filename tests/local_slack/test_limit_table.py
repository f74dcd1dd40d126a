"""Every field limit twice: what stands at it is taken, what is one beyond it is refused with its pointer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.slack.limits import (
    check_message_blocks,
    check_text,
    check_view,
    checked_metadata,
    meter,
    normalize_blocks,
)
from deploy.local.slack.switches import Switches
from deploy.local.slack.wire import SlackError
from tests.local_slack.bench import button, modal, mrkdwn, plain, text_input

Block = dict[str, Any]
OPTION = {"text": plain("o"), "value": "o"}
IMAGE = {"type": "image", "image_url": "https://x.example/a.png", "alt_text": "a"}
CONFIRM = {"title": plain("t"), "text": plain("x"), "confirm": plain("y"), "deny": plain("n")}
TASK = {"type": "task_card", "task_id": "1", "title": "t"}


def actions(element: Block) -> Block:
    return {"type": "actions", "elements": [element]}


def asked(element: Block, **more: Any) -> Block:
    return {"type": "input", "label": plain("L"), "element": element, **more}


def select(kind: str = "static_select", **more: Any) -> Block:
    return {"type": kind, "action_id": "s", **({"options": [OPTION]} if "static" in kind else {}), **more}


def options(many: int) -> list[Block]:
    return [{"text": plain("o"), "value": f"v{number}"} for number in range(many)]


ROW = [[{"type": "raw_text", "text": "c"}]]
# (block made for a size, most, pointer under the block)
SIZES: list[tuple[Callable[[int], Block], int, str]] = [
    (lambda n: {"type": "divider", "block_id": "b" * n}, 255, "/block_id"),
    (lambda n: {"type": "section", "text": mrkdwn("x" * n)}, 3000, "/text/text"),
    (lambda n: {"type": "section", "fields": [mrkdwn("x" * n)]}, 2000, "/fields/0/text"),
    (lambda n: {"type": "section", "fields": [mrkdwn("x")] * n}, 10, "/fields"),
    (lambda n: {"type": "header", "text": plain("x" * n)}, 150, "/text/text"),
    (lambda n: {"type": "context", "elements": [mrkdwn("x")] * n}, 10, "/elements"),
    (lambda n: {"type": "actions", "elements": [button(f"a{i}", "x") for i in range(n)]}, 25, "/elements"),
    (lambda n: {**IMAGE, "alt_text": "x" * n}, 2000, "/alt_text"),
    (lambda n: {**IMAGE, "image_url": "https://x.example/" + "x" * (n - 18)}, 3000, "/image_url"),
    (lambda n: {**IMAGE, "title": plain("x" * n)}, 2000, "/title/text"),
    (lambda n: {"type": "markdown", "text": "x" * n}, 12_000, "/text"),
    (lambda n: {"type": "table", "rows": ROW * n}, 100, "/rows"),
    (lambda n: {"type": "table", "rows": [ROW[0] * n]}, 20, "/rows/0/row"),
    (lambda n: {"type": "table", "rows": ROW, "column_settings": [{"align": "left"}] * n}, 20, "/column_settings"),
    (lambda n: {"type": "card", "title": plain("x" * n)}, 150, "/title/text"),
    (lambda n: {"type": "card", "title": plain("x"), "subtitle": plain("x" * n)}, 150, "/subtitle/text"),
    (lambda n: {"type": "card", "body": mrkdwn("x" * n)}, 200, "/body/text"),
    (lambda n: {"type": "carousel", "elements": [{"type": "card", "title": plain("x")}] * n}, 10, "/elements"),
    (
        lambda n: {"type": "container", "title": plain("t"), "child_blocks": [{"type": "divider"}] * n},
        10,
        "/child_blocks",
    ),
    (
        lambda n: {"type": "container", "title": plain("x" * n), "child_blocks": [{"type": "divider"}]},
        150,
        "/title/text",
    ),
    (lambda n: {"type": "plan", "title": "p", "tasks": [{**TASK, "task_id": str(i)} for i in range(n)]}, 50, "/tasks"),
    (lambda n: actions(button("a" * n, "x")), 255, "/elements/0/action_id"),
    (lambda n: actions(button("a", "x" * n)), 75, "/elements/0/text/text"),
    (lambda n: actions(button("a", "x", "v" * n)), 2000, "/elements/0/value"),
    (lambda n: actions({**button("a", "x"), "url": "u" * n}), 3000, "/elements/0/url"),
    (lambda n: actions({**button("a", "x"), "accessibility_label": "u" * n}), 75, "/elements/0/accessibility_label"),
    (lambda n: actions(select(options=options(n))), 100, "/elements/0/options"),
    (lambda n: actions(select(placeholder=plain("x" * n))), 150, "/elements/0/placeholder/text"),
    (lambda n: actions(select(options=[{**OPTION, "text": plain("x" * n)}])), 75, "/elements/0/options/0/text/text"),
    (lambda n: actions(select(options=[{**OPTION, "value": "x" * n}])), 150, "/elements/0/options/0/value"),
    (
        lambda n: actions(select(options=[{**OPTION, "description": plain("x" * n)}])),
        75,
        "/elements/0/options/0/description/text",
    ),
    (
        lambda n: actions(
            {
                "type": "static_select",
                "action_id": "s",
                "option_groups": [{"label": plain("x" * n), "options": [OPTION]}],
            }
        ),
        75,
        "/elements/0/option_groups/0/label/text",
    ),
    (lambda n: actions(select("overflow", options=options(n))), 5, "/elements/0/options"),
    (lambda n: actions(select("checkboxes", options=options(n))), 10, "/elements/0/options"),
    (lambda n: actions(select("radio_buttons", options=options(n))), 10, "/elements/0/options"),
    (lambda n: asked(select("multi_static_select"), label=plain("x" * n)), 2000, "/label/text"),
    (lambda n: asked(select(), hint=plain("x" * n)), 2000, "/hint/text"),
    (lambda n: asked({"type": "plain_text_input", "initial_value": "x" * n}), 3000, "/element/initial_value"),
    (lambda n: asked({"type": "plain_text_input", "max_length": n}), 3000, "/element/max_length"),
    (lambda n: asked({"type": "plain_text_input", "min_length": n}), 3000, "/element/min_length"),
    *[
        (
            lambda n, part=part: actions({**button("a", "x"), "confirm": {**CONFIRM, part: plain("x" * n)}}),
            most,
            f"/elements/0/confirm/{part}/text",
        )
        for part, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))
    ],
]


def pie(**more: Any) -> Block:
    chart = {"type": "pie", "segments": [{"label": "a", "value": 1}], **more}
    return {"type": "data_visualization", "title": "t", "chart": chart}


def bars(series: int = 1, points: int = 2, **axes: Any) -> Block:
    """A bar chart of so many series with so many points each."""
    names = [f"c{number}" for number in range(points)]
    data = [{"label": name, "value": -1.5} for name in names]
    chart = {"type": "bar", "series": [{"name": f"s{n}", "data": [dict(one) for one in data]} for n in range(series)]}
    return {
        "type": "data_visualization",
        "title": "t",
        "chart": {**chart, "axis_config": {"categories": names, **axes}},
    }


def numbers(rows: int, columns: int = 1, **more: Any) -> Block:
    cell = {"type": "raw_number", "value": 1}
    return {"type": "data_table", "caption": "c", "rows": [[dict(cell)] * columns for _ in range(rows)], **more}


DATA_SIZES: list[tuple[Callable[[int], Block], int, str]] = [
    (lambda n: {**pie(), "title": "x" * n}, 50, "/title"),
    (lambda n: pie(segments=[{"label": "x", "value": 1}] * n), 6, "/chart/segments"),
    (lambda n: pie(segments=[{"label": "x" * n, "value": 1}]), 20, "/chart/segments/0/label"),
    (lambda n: bars(series=n), 6, "/chart/series"),
    (lambda n: bars(points=n), 20, "/chart/axis_config/categories"),
    (lambda n: bars(points=n), 20, "/chart/series/0/data"),
    (lambda n: bars(x_label="x" * n), 50, "/chart/axis_config/x_label"),
    (lambda n: bars(y_label="x" * n), 50, "/chart/axis_config/y_label"),
    (numbers, 101, "/rows"),
    (lambda n: numbers(2, n), 20, "/rows/0/cells"),
]
SIZES += DATA_SIZES


def faults(blocks: list[Block], **switches: Any) -> list[str]:
    """What Slack says of a message's blocks."""
    try:
        check_message_blocks(blocks, Switches(**switches))
    except SlackError as refusal:
        lines = refusal.extra["response_metadata"]["messages"]
        return [line.removeprefix("[ERROR] ") for line in lines]
    return []


@pytest.mark.parametrize(("make", "most", "pointer"), SIZES, ids=[f"{most}{at}" for _, most, at in SIZES])
def test_a_block_at_its_limit_is_taken_and_one_beyond_is_refused(
    make: Callable[[int], Block], most: int, pointer: str
) -> None:
    assert faults([make(most)]) == []
    found = faults([make(most + 1)])
    assert [one for one in found if one.endswith(f"[json-pointer:/blocks/0{pointer}]")], found


WRONG: list[tuple[Block, str]] = [
    ({"type": "section"}, "/blocks/0"),
    ({"type": "image", "alt_text": "a"}, "/blocks/0"),
    ({"type": "input", "label": plain("L")}, "/blocks/0"),
    ({"type": "video", "title": plain("t"), "alt_text": "a"}, "/blocks/0"),
    ({"type": "alert", "text": plain("x")}, "/blocks/0/type"),
    ({"type": "file", "external_id": "x", "source": "remote"}, "/blocks/0/type"),
    ({"type": "card", "subtitle": plain("x")}, "/blocks/0"),
    ({"type": "carousel", "elements": [{"type": "divider"}]}, "/blocks/0/elements/0/type"),
    ({"type": "container", "child_blocks": [{"type": "divider"}]}, "/blocks/0"),
    ({"type": "container", "title": plain("t"), "child_blocks": [{"type": "plan"}]}, "/blocks/0/child_blocks/0/type"),
    ({**TASK, "status": "done"}, "/blocks/0/status"),
    ({"type": "data_table", "rows": []}, "/blocks/0"),
    (numbers(2, page_size=101), "/blocks/0/page_size"),
    (numbers(2, row_header_column_index=1), "/blocks/0/row_header_column_index"),
    (numbers(1), "/blocks/0/rows"),
    (
        {**numbers(2), "rows": [[{"type": "raw_text", "text": "a"}] * 2, [{"type": "raw_text", "text": "a"}]]},
        "/blocks/0/rows",
    ),
    ({**numbers(2), "rows": [[{"type": "rich_text", "elements": []}]] * 2}, "/blocks/0/rows/0/cells/0/type"),
    ({"type": "data_visualization", "title": "t"}, "/blocks/0"),
    ({**pie(), "chart": {"type": "radar"}}, "/blocks/0/chart/type"),
    (pie(segments=None), "/blocks/0/chart"),
    (pie(series=[]), "/blocks/0/chart"),
    (pie(segments=[{"label": "a", "value": 0}]), "/blocks/0/chart/segments/0/value"),
    (pie(segments=[{"label": "a", "value": True}]), "/blocks/0/chart/segments/0/value"),
    (bars(categories=["c0", "other"]), "/blocks/0/chart/series/0/data"),
    (bars(categories=["c0"]), "/blocks/0/chart/series/0/data"),
    (
        {**bars(), "chart": {**bars()["chart"], "series": [{"name": "s", "data": [{"label": "c0", "value": 1}] * 2}]}},
        "/blocks/0/chart/series/0/data",
    ),
    (bars(categories=["c0", "c0"]), "/blocks/0/chart/axis_config/categories/1"),
    (bars(categories=None), "/blocks/0/chart/axis_config"),
    (
        {**bars(), "chart": {**bars(2)["chart"], "series": [bars()["chart"]["series"][0]] * 2}},
        "/blocks/0/chart/series/1/name",
    ),
    ({"type": "context_actions", "elements": [button("a", "x")]}, "/blocks/0/elements/0/type"),
    ({"type": "context_actions", "elements": [{"type": "feedback_buttons"}]}, "/blocks/0/elements/0"),
    ({"type": "rich_text", "elements": [{"type": "rich_text_section"}]}, "/blocks/0/elements/0"),
    (actions({**button("a", "x"), "style": "loud"}), "/blocks/0/elements/0/style"),
    (actions(select(option_groups=[])), "/blocks/0/elements/0"),
    (actions(select(initial_option={**OPTION, "value": "other"})), "/blocks/0/elements/0/initial_option"),
    (actions({"type": "datepicker", "initial_date": "1.2.2026"}), "/blocks/0/elements/0/initial_date"),
    (actions({"type": "timepicker", "initial_time": "25:00"}), "/blocks/0/elements/0/initial_time"),
    (actions({"type": "datetimepicker", "initial_date_time": 1}), "/blocks/0/elements/0/initial_date_time"),
    (actions(select("conversations_select", filter={"include": ["all"]})), "/blocks/0/elements/0/filter/include/0"),
    (asked(select("conversations_select", response_url_enabled=True)), "/blocks/0/element/response_url_enabled"),
    (asked({"type": "number_input"}), "/blocks/0/element"),
    (asked({"type": "number_input", "is_decimal_allowed": True, "min_value": 1}), "/blocks/0/element/min_value"),
    (asked({"type": "file_input"}), "/blocks/0/element/type"),
    (asked(button("a", "x")), "/blocks/0/element/type"),
]


@pytest.mark.parametrize(("block", "pointer"), WRONG, ids=[at + str(n) for n, (_, at) in enumerate(WRONG)])
def test_what_slack_does_not_know_is_refused_where_it_stands(block: Block, pointer: str) -> None:
    found = faults([block])
    assert [one for one in found if one.endswith(f"[json-pointer:{pointer}]")], found


def test_a_message_holds_fifty_blocks_one_table_and_two_charts() -> None:
    assert faults([{"type": "divider"}] * 50) == []
    assert faults([{"type": "divider"}] * 51) == ["no more than 50 items allowed [json-pointer:/blocks]"]
    table = {"type": "table", "rows": ROW}
    assert faults([table, table]) == ["only one table block allowed [json-pointer:/blocks]"]
    assert faults([table, table], one_table_a_message=False) == []
    assert faults([pie(), bars()]) == []
    assert faults([pie()] * 3) == ["only 2 data_visualization blocks allowed [json-pointer:/blocks]"]
    assert faults([bars(12)], chart_parts_most=12) == faults([numbers(201)], data_table_rows_most=201) == []
    assert len(faults([{"type": "markdown", "text": "x" * 7000}] * 2)) == 1
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        check_message_blocks([{"type": "section", "text": mrkdwn("x" * 2900)}] * 40)
    with pytest.raises(SlackError, match="invalid_blocks_format"):
        check_message_blocks({"type": "divider"})


VIEW_SIZES: list[tuple[str, Callable[[int], Any], int, str]] = [
    ("title", lambda n: plain("x" * n), 24, "/view/title/text"),
    ("submit", lambda n: plain("x" * n), 24, "/view/submit/text"),
    ("close", lambda n: plain("x" * n), 24, "/view/close/text"),
    ("private_metadata", lambda n: "x" * n, 3000, "/view/private_metadata"),
    ("callback_id", lambda n: "x" * n, 255, "/view/callback_id"),
    ("external_id", lambda n: "x" * n, 255, "/view/external_id"),
    ("blocks", lambda n: [{"type": "divider"}] * n, 100, "/view/blocks"),
]


@pytest.mark.parametrize(("key", "make", "most", "pointer"), VIEW_SIZES, ids=[key for key, *_ in VIEW_SIZES])
def test_a_view_at_its_limit_is_taken_and_one_beyond_is_refused(
    key: str, make: Callable[[int], Any], most: int, pointer: str
) -> None:
    view = modal("form", text_input("a", "A"))
    assert check_view({**view, key: make(most)}, kind="modal")
    with pytest.raises(SlackError) as caught:
        check_view({**view, key: make(most + 1)}, kind="modal")
    lines = caught.value.extra["response_metadata"]["messages"]
    assert lines[0] == "[ERROR] failed to match all allowed schemas [json-pointer:/view]"
    assert [line for line in lines if line.endswith(f"[json-pointer:{pointer}]")]


def test_a_view_is_not_too_large_and_a_home_has_no_buttons_of_a_modal() -> None:
    big = {"type": "section", "text": mrkdwn("x" * 2990)}
    with pytest.raises(SlackError, match="view_too_large"):
        check_view(modal("form", *[copy.deepcopy(big) for _ in range(90)]))
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    assert check_view(home)
    for key in ("submit", "close"):
        with pytest.raises(SlackError, match="invalid_arguments"):
            check_view({**home, key: plain("x")})
    focused = [{**text_input(f"a{n}", "A", focus_on_load=True)} for n in range(2)]
    with pytest.raises(SlackError):
        check_view(modal("form", *focused))


def test_an_emoji_is_two_characters_wherever_text_is_counted_and_one_by_the_switch() -> None:
    halves = [{"type": "markdown", "text": "🦊" * 3001}] * 2
    assert faults(halves) == ["markdown blocks must be less than 12001 characters together [json-pointer:/blocks]"]
    assert faults(halves, characters="code_points") == []
    assert check_text("🦊" * 20_001) == ("🦊" * 20_000, ["message_truncated"])
    assert check_text("x" + "🦊" * 20_000) == ("x" + "🦊" * 19_999, ["message_truncated"])
    assert check_text("🦊" * 20_001, Switches(characters="code_points")) == ("🦊" * 20_001, [])
    section = {"type": "section", "text": mrkdwn("🦊" * 1500)}
    assert [use.used for use in meter.uses([section], "message") if use.most == 3000] == [3000]
    assert [use.used for use in meter.uses([section], "message", Switches(characters="code_points"))][:1] == [1500]


def test_where_no_limit_is_published_none_is_made_up() -> None:
    sections = [{"type": "rich_text_section", "elements": []}] * 1001
    assert faults([{"type": "rich_text", "elements": sections}]) == []
    found = meter.uses([{"type": "rich_text", "elements": sections[:2]}], "message")
    assert {use.at for use in found} == {"/blocks"}


def test_metadata_has_a_shape_and_a_size() -> None:
    good = {"event_type": "run", "event_payload": {"text": "x" * 8000}}
    assert checked_metadata(good) == good
    assert checked_metadata({}) == {}
    for wrong, word in (
        ("x", "invalid_metadata_format"),
        ({"event_type": "run"}, "invalid_metadata_schema"),
        ({"event_type": "run", "event_payload": {"text": "x" * 9000}}, "metadata_too_large"),
    ):
        with pytest.raises(SlackError, match=word):
            checked_metadata(wrong)


JUNK: list[Any] = [None, 0, -1, True, 1.5, "", "x", [], [None], [[]], [{}], {}, {"type": "x"}, {"type": ["x"]}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_stands_anywhere_in_a_block_is_taken_or_refused(data: st.DataObject) -> None:
    make, most, _ = data.draw(st.sampled_from(SIZES))
    blocks: Any = [make(min(most, 2)), data.draw(st.sampled_from(WRONG))[0]]
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(places(blocks)[1:]))
        holder = blocks = copy.deepcopy(blocks)
        for key in way:
            holder = holder[key]
        holder[last] = data.draw(st.sampled_from(JUNK))
    for look in (lambda: normalize_blocks(check_message_blocks(blocks)), lambda: check_view(modal("f", *blocks))):
        with suppress(SlackError):
            look()
