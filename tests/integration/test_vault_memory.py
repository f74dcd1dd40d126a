"""A backup's memory does not grow with its size."""

import pytest

from tests.integration.vault_memory import measure_backup_memory

MIB = 1 << 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("restore", [False, True], ids=["backup", "restore"])
async def test_four_times_the_data_takes_less_than_ten_mib_more_memory(make_database, restore: bool) -> None:
    url = await make_database(None)
    small = await measure_backup_memory(url, 32, restore)
    large = await measure_backup_memory(url, 128, restore)
    assert large - small < 10 * MIB, (small // MIB, large // MIB)
