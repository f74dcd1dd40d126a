"""Which tests xdist gives to one worker: those that share a stage, which is then started once; else those of one file.

xdist's own `loadgroup` marks groups in a way that pytest 9.2 no longer reads.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

STAGED = (
    "tests/browser/test_builder.py",
    "tests/browser/test_form.py",
    "tests/browser/test_home.py",
    "tests/browser/test_stranger.py",
    "tests/browser/test_two_people.py",
    "tests/recovery/test_doors_killed.py",
    "tests/recovery/test_operations_killed.py",
    "tests/scenario/test_absences.py",
    "tests/scenario/test_company.py",
    "tests/scenario/test_incidents.py",
    "tests/scenario/test_restore.py",
    "tests/scenario/test_slack_trouble.py",
)
CLINIC = "tests/integration/test_doctor.py"
MATRIX = "tests/scenario/test_fault_matrix.py"


class Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist tells no types
    """In the order of collection, in which the long files come before the many short ones of tests/unit."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if file == MATRIX:  # the cells of one story, whose peace each worker plays once
            return f"{file}::{test.partition(':')[0]} {'socket' if 'socket' in test else 'http'}"
        if file not in (*STAGED, CLINIC):
            return file
        if "socket" in test.rpartition("[")[2]:
            return "stage over Socket Mode"
        return file if file == CLINIC else "stage over HTTP"
