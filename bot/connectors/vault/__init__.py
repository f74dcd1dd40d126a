"""The vault: sealed backups of the company's databases, taken, restored beside the live one, compared, marked."""

from bot.connectors.vault.connector import Vault as Vault
from bot.connectors.vault.connector import VaultSettings as VaultSettings
from bot.connectors.vault.keys import new_keyset as new_keyset
from bot.connectors.vault.keys import rotated as rotated
from bot.connectors.vault.load import Load as Load
from bot.connectors.vault.load import MarkVerified as MarkVerified
from bot.connectors.vault.load import Matches as Matches
from bot.connectors.vault.manifest import Backup as Backup
from bot.connectors.vault.manifest import Kind as Kind
from bot.connectors.vault.manifest import Manifest as Manifest
from bot.connectors.vault.manifest import Verified as Verified
from bot.connectors.vault.manifest import default_name as default_name
from bot.connectors.vault.manifest import named_well as named_well
from bot.connectors.vault.shelf import Catalogue as Catalogue
from bot.connectors.vault.shelf import Listing as Listing
from bot.connectors.vault.take import Take as Take
