"""The limits of the two blocks of data: charts, and tables in pages.

Source: Slack's pages of the two blocks. Where two versions of a page differ, a switch says which holds.
"""

from __future__ import annotations

from typing import Any

from ..wire import JsonObject
from .checker import Checker

SERIES = ("bar", "area", "line")
CHARTS_MOST = 2  # in a message; seen of Slack, not documented
LABEL_MOST, TITLE_MOST = 20, 50
POINTS_MOST = 20
COLUMNS_MOST = 20
CELLS = ("raw_text", "raw_number", "rich_text")


def data_visualization(check: Checker, block: JsonObject, at: str) -> None:
    check.string(block, "title", at, TITLE_MOST, required=True, least=1)
    chart, where = block.get("chart"), f"{at}/chart"
    if not isinstance(chart, dict):
        check.fault(at, "missing required field: chart")
    elif chart.get("type") == "pie":
        check.keys(chart, where, ("type", "segments"))
        _pie(check, chart, where)
    elif chart.get("type") in SERIES:
        check.keys(chart, where, ("type", "series", "axis_config"))
        _series(check, chart, where)
    else:
        check.fault(f"{where}/type", f"unsupported type: {chart.get('type')}")


def _parts(check: Checker, chart: JsonObject, key: str, at: str) -> list[tuple[str, JsonObject]]:
    if chart.get(key) is None:
        check.fault(at, f"missing required field: {key}")
    return check.objects(chart, key, at, int(check.switches.chart_parts_most))


def _pie(check: Checker, chart: JsonObject, at: str) -> None:
    for where, segment in _parts(check, chart, "segments", at):
        value = _point(check, segment, where)
        if value is not None and value <= 0:
            check.fault(f"{where}/value", "must be more than 0")


def _point(check: Checker, point: JsonObject, at: str) -> float | None:
    check.keys(point, at, ("label", "value"))
    check.string(point, "label", at, LABEL_MOST, required=True, least=1)
    value = point.get("value")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        check.fault(f"{at}/value", "must be a number")
        return None
    return value


def _series(check: Checker, chart: JsonObject, at: str) -> None:
    categories = _axes(check, chart, at)
    names: list[Any] = []
    for where, one in _parts(check, chart, "series", at):
        check.keys(one, where, ("name", "data"))
        name = check.string(one, "name", where, LABEL_MOST, required=True, least=1)
        if name in names:
            check.fault(f"{where}/name", "must be unique in the chart")
        names.append(name)
        points = check.objects(one, "data", where, POINTS_MOST)
        for spot, point in points:
            _point(check, point, spot)
        labels = [point.get("label") for _, point in points]
        if len(labels) != len(categories) or any(name not in labels for name in categories):
            check.fault(f"{where}/data", "must have one data point for each category")


def _axes(check: Checker, chart: JsonObject, at: str) -> list[Any]:
    axes, where = chart.get("axis_config"), f"{at}/axis_config"
    if not isinstance(axes, dict):
        check.fault(at, "missing required field: axis_config")
        return []
    check.keys(axes, where, ("categories", "x_label", "y_label"))
    check.string(axes, "x_label", where, TITLE_MOST)
    check.string(axes, "y_label", where, TITLE_MOST)
    if axes.get("categories") is None:
        check.fault(where, "missing required field: categories")
    categories = check.items(axes, "categories", where, POINTS_MOST) or []
    for index, name in enumerate(categories):
        check.string({"name": name}, "name", f"{where}/categories/{index}", LABEL_MOST, required=True, least=1)
        if name in categories[:index]:
            check.fault(f"{where}/categories/{index}", "must be unique in the chart")
    return categories


def data_table(check: Checker, block: JsonObject, at: str) -> None:
    check.string(block, "caption", at, None, required=True, least=1)
    rows = check.items(block, "rows", at, int(check.switches.data_table_rows_most), least=2)
    if rows is None:
        check.fault(at, "missing required field: rows")
    for index, row in enumerate(rows or []):
        _row(check, row, f"{at}/rows/{index}", header=index == 0)
    widths = {len(row) for row in rows or [] if isinstance(row, list)}
    if len(widths) > 1:
        check.fault(f"{at}/rows", "every row must have as many cells as the first")
    size, column = block.get("page_size"), block.get("row_header_column_index")
    if size is not None and not (isinstance(size, int) and 1 <= size <= 100):
        check.fault(f"{at}/page_size", "must be between 1 and 100")
    if column is not None and not (isinstance(column, int) and 0 <= column < max(widths, default=1)):
        check.fault(f"{at}/row_header_column_index", "must be the index of a column")


def _row(check: Checker, row: Any, at: str, *, header: bool) -> None:
    kinds = CELLS[:-1] if header else CELLS
    for where, cell in check.objects({"cells": row}, "cells", at, COLUMNS_MOST):
        if cell.get("type") not in kinds:
            check.fault(f"{where}/type", f"unsupported type: {cell.get('type')}")
