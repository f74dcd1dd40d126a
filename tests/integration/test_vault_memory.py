"""The memory of a backup, and of its restore, does not grow with its size."""

import pytest

from tests.integration.vault_memory import measure_memory

MIB = 1 << 20


@pytest.mark.timeout(300)
async def test_four_times_the_data_takes_less_than_five_mib_more_memory(make_database) -> None:
    url = await make_database(None)
    small = await measure_memory(url, 16, restore=True)
    large = await measure_memory(url, 64, restore=True)
    assert large.backup - small.backup < 5 * MIB, (small, large)
    assert small.restore is not None
    assert large.restore is not None
    assert large.restore - small.restore < 5 * MIB, (small, large)
