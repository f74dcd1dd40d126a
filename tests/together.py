"""Which tests xdist gives to one worker: those that share a stage, which is then started once and not once a worker.

xdist's own `loadgroup` marks groups in a way that pytest 9.2 no longer reads.
"""

from xdist.scheduler import LoadScopeScheduling

STAGED = (
    "tests/browser/test_stranger.py",
    "tests/recovery/test_operations_killed.py",
    "tests/scenario/test_company.py",
    "tests/scenario/test_restore.py",
    "tests/scenario/test_slack_trouble.py",
)
CLINIC = "tests/integration/test_doctor.py"


class Together(LoadScopeScheduling):
    """The groups first, the largest before the others; then each test alone, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if file not in (*STAGED, CLINIC):
            return nodeid
        if "socket" in test.rpartition("[")[2]:
            return "stage over Socket Mode"
        return "clinic" if file == CLINIC else "stage over HTTP"
