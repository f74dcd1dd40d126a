"""`python -m bot doctor`: asks everything outside at once, one line for each look, and how to mend what is bad."""

import asyncio

from bot.doctor.databases import databases
from bot.doctor.finding import Finding, Mark, looked
from bot.doctor.ledger import ledger
from bot.doctor.places import hooks, mail, others, services, vaults
from bot.doctor.slack import slack
from bot.process.compose import Ground

PARTS = {
    "Slack": slack,
    "Bot's database": ledger,
    "Databases": databases,
    "Vault": vaults,
    "Mail": mail,
    "Services": services,
    "Hooks": hooks,
    "Connectors": others,
}
AGAIN = "run the doctor again; if it stays, look at what this part of config names"


async def examine(ground: Ground) -> int:
    """Prints every finding; 1 where any is bad, else 0."""
    parts = await asyncio.gather(*(looked(what, AGAIN, look(ground)) for what, look in PARTS.items()))
    found = [finding for part in parts for finding in part]
    for finding in found:
        print(_line(finding))
    wrong = sum(finding.mark is Mark.BAD for finding in found)
    print(f"{wrong} of {len(found)} need mending." if wrong else "All is well.")
    return 1 if wrong else 0


def _line(finding: Finding) -> str:
    mend = f"\n    To mend it: {finding.mend}." if finding.mend else ""
    return f"{finding.mark} {finding.what}: {finding.said}{mend}"
