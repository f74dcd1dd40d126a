"""Backup, verify, restore, swap back, drop: one operation after another on a real server, as a run would do them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.codec import fill
from bot.connectors.postgres import Postgres
from bot.connectors.vault import Load, MarkVerified, Matches, Take
from bot.effect import Effect, Permanent, Ref, Temporary
from bot.operation import Answer, Database, Plan, Refusal, RunRef, Unseen
from handlers.ops.db import backup, backups, drop_old, restore, swap_back, verify_backup
from tests.integration.vault_rig import SEED, SHOP, Rig, Try


class Seeing:
    """What `observe` is given."""

    def __init__(self, rig: Rig, run: str) -> None:
        self.at = datetime.now(UTC)
        self.run = RunRef(tag=run, requester="ana")
        self._rig = rig

    async def __call__(self, of: type[Any], target: Any = None) -> Any:
        connector = self._rig.postgres if of is Postgres else self._rig.vault
        return await connector.reads(target)

    def config(self, target: Any) -> Any:
        return {"shop": self._rig.settings}[target.key]

    def strictest(self, target: Any) -> bool:
        return True

    def targets(self, kind: type[Any]) -> Sequence[str]:
        return ("shop",) if kind is Database else ()

    async def all(self, looks: Mapping[str, Any], within: timedelta) -> dict[str, Any]:
        seen = {}
        for key, look in looks.items():
            try:
                seen[key] = await look
            except (Temporary, Permanent) as fault:
                seen[key] = Unseen(str(fault))
        return seen


class Results(dict[str, Any]):
    """What the steps returned, as `answer` is given it."""

    def get(self, ref: Any, default: Any = None) -> Any:
        return super().get(ref.step if isinstance(ref, Ref) else ref, default)


@pytest.fixture
async def rig(make_database, tmp_path) -> AsyncIterator[Rig]:
    made = await Rig.open(await make_database(None), tmp_path / "vault")
    await made.run(SEED)
    yield made
    await made.drop_besides()
    await made.close()


async def run(rig: Rig, operation: Any, params: Any, tag: str) -> Answer | Refusal | None:
    """Observes, plans, does every step, answers."""
    see = Seeing(rig, tag)
    params = await operation.resolve(params, see)
    facts = await operation.observe(params, see)
    plan = operation.plan(params, facts)
    if isinstance(plan, Refusal):
        return plan
    assert isinstance(plan, Plan)
    results = Results()
    for step in plan.steps:
        effect = fill(step.does, results)
        assert isinstance(effect, Effect)
        on: Any = await (rig.postgres if effect.connector is Postgres else rig.vault).hands(SHOP)
        assert await effect.holds(on) is None
        results[step.name] = await effect.do(on, Try(f"{tag}/{step.name}"))
    told: Answer | None = operation.answer(params, facts, results)
    return told


async def test_a_database_is_backed_up_verified_restored_swapped_back_and_its_old_one_dropped(rig: Rig) -> None:
    made = await run(rig, backup.BackupDatabase(), backup.Params(database=SHOP), "r1")
    assert isinstance(made, Answer)
    assert "3 tables, 5,520 rows" in made.lines[0]
    listed = await run(rig, backups.ListBackups(), backups.Params(), "r2")
    assert isinstance(listed, Answer)
    assert [row[-1] for row in listed.table[1:]] == ["no"]

    asked = restore.Params(database=SHOP, reason="orders were deleted")
    unverified = await run(rig, restore.RestoreDatabase(), asked, "r3")
    assert isinstance(unverified, Refusal)
    assert unverified.code == "unverified"
    verified = await run(rig, verify_backup.VerifyBackup(), verify_backup.Params(database=SHOP), "r4")
    assert isinstance(verified, Answer)
    assert await rig.names() == {rig.name}

    await rig.run("DELETE FROM orders")
    restored = await run(rig, restore.RestoreDatabase(), asked, "r5")
    assert isinstance(restored, Answer)
    assert await rig.value("SELECT count(*) FROM orders") == 5000
    assert await rig.names() == {rig.name, f"{rig.name}_r5_old"}
    listed = await run(rig, backups.ListBackups(), backups.Params(database=SHOP), "r6")
    assert isinstance(listed, Answer)
    assert listed.table[1][0] == "before-r5"

    back = swap_back.Params(database=SHOP, name=f"{rig.name}_r5_old", reason="no")
    await run(rig, swap_back.SwapBackDatabase(), back, "r7")
    assert await rig.value("SELECT count(*) FROM orders") == 0
    assert await rig.names() == {rig.name, f"{rig.name}_r7_old"}

    operation, see = drop_old.DropOld(), Seeing(rig, "r8")
    (choice,) = await operation.choices("name", "", {"database": "shop"}, see)
    await run(rig, operation, drop_old.Params(database=SHOP, name=choice.value, reason="done"), "r8")
    assert await rig.names() == {rig.name}


async def test_only_verified_full_backups_are_offered_for_a_restore(rig: Rig) -> None:
    await rig.take("one")
    await rig.take("part", kind="schema")
    see, database = Seeing(rig, "r1"), {"database": "shop"}
    assert await restore.RestoreDatabase().choices("backup", "", database, see) == []
    params = verify_backup.Params(database=SHOP, backup="one")
    await run(rig, verify_backup.VerifyBackup(), params, "r2")
    assert [c.value for c in await restore.RestoreDatabase().choices("backup", "", database, see)] == ["one"]
    offered = await verify_backup.VerifyBackup().choices("backup", "", database, see)
    assert {choice.value for choice in offered} == {"one", "part"}
    partly = await run(rig, restore.RestoreDatabase(), restore.Params(database=SHOP, backup="part"), "r3")
    assert isinstance(partly, Refusal)
    assert partly.code == "not_full"


async def test_a_damaged_backup_is_told_and_the_next_restore_is_from_an_earlier_one(rig: Rig) -> None:
    for number, name in enumerate(("one", "two")):
        await rig.take(name)
        params = verify_backup.Params(database=SHOP, backup=name)
        await run(rig, verify_backup.VerifyBackup(), params, f"r{number}")
    (rig.folder / "shop" / (await _object(rig, "two"))).write_bytes(b"")
    asked = restore.Params(database=SHOP, reason="orders were deleted")
    with pytest.raises(Permanent, match="choose an earlier one: /ops db backups shop"):
        await run(rig, restore.RestoreDatabase(), asked, "r5")
    again = asked.model_copy(update={"backup": "two"})
    named = await run(rig, restore.RestoreDatabase(), again, "r6")
    assert isinstance(named, Refusal)
    assert (named.code, named.offers[0].call.command) == ("damaged", "ops db backups")
    listed = await run(rig, backups.ListBackups(), backups.Params(database=SHOP), "r7")
    assert isinstance(listed, Answer)
    assert listed.headline == "1 backup is damaged"
    assert {row[0]: row[-1] for row in listed.table}["two"] == "damaged"
    restored = await run(rig, restore.RestoreDatabase(), asked, "r8")
    assert isinstance(restored, Answer)
    assert "from one." in restored.lines[0]


async def _object(rig: Rig, name: str) -> str:
    manifest = await (await rig.vault.reads(SHOP)).manifest(name)
    assert manifest is not None
    return manifest.object


async def test_what_passes_over_all_of_a_database_may_take_as_long_as_its_settings_say(rig: Rig) -> None:
    backup = await rig.take("one")
    patient = await Rig.open(rig.url, rig.folder, longest=timedelta(days=2))
    take, load = Take(database=SHOP, name="two"), Load(database=SHOP, backup=backup, into=f"{rig.name}_r1_new")
    compare = Matches(database=SHOP, backup=backup, fresh=Ref("load"))
    mark = MarkVerified(database=SHOP, backup=backup, verified=Ref("compare"))
    for opened, longest in ((rig, timedelta(hours=6)), (patient, timedelta(days=2))):
        assert [opened.vault.within(effect) for effect in (take, load, compare)] == [longest] * 3
        assert opened.vault.within(mark) == timedelta(seconds=30)
    await patient.close()
