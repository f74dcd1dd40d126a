"""The memory of a backup, and of its restore, does not grow with its size."""

import pytest

from tests.integration.vault_memory import measure_memory

MIB = 1 << 20


@pytest.mark.timeout(300)
async def test_eight_times_the_data_takes_less_than_ten_mib_more_memory(make_database) -> None:
    url = await make_database(None)
    small = await measure_memory(url, 16, restore=True)
    large = await measure_memory(url, 128, restore=True)
    assert large.backup - small.backup < 10 * MIB, (small, large)
    assert small.restore is not None
    assert large.restore is not None
    assert large.restore - small.restore < 10 * MIB, (small, large)
