"""PostgreSQL: looks at the company's databases, and effects on a database as a whole."""

from bot.connectors.postgres.connector import Postgres as Postgres
from bot.connectors.postgres.door import Beside as Beside
from bot.connectors.postgres.door import CloseDoor as CloseDoor
from bot.connectors.postgres.door import DropDatabase as DropDatabase
from bot.connectors.postgres.door import OpenDoor as OpenDoor
from bot.connectors.postgres.door import Swap as Swap
from bot.connectors.postgres.door import SwapBack as SwapBack
from bot.connectors.postgres.door import kept as kept
from bot.connectors.postgres.reads import Backend as Backend
from bot.connectors.postgres.reads import Beheld as Beheld
from bot.connectors.postgres.reads import Connections as Connections
from bot.connectors.postgres.reads import Reads as Reads
from bot.connectors.postgres.session import DatabaseSettings as DatabaseSettings
from bot.connectors.postgres.survey import Counters as Counters
from bot.connectors.postgres.survey import Table as Table
from bot.connectors.postgres.survey import Written as Written
