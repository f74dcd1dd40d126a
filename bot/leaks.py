"""Text that looks like a secret or a mail address: such words are refused at the door, for a ledger never forgets."""

import math
import re
from collections import Counter
from enum import StrEnum

from bot.personal import mask


class Leak(StrEnum):
    """What a text seems to hold."""

    MAIL = "a mail address"
    TOKEN = "a token"  # noqa: S105
    PASSWORD = "a password"  # noqa: S105
    KEY = "a private key"


_MAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63})+")
_KEY = re.compile(r"-----BEGIN [A-Z ]*(PRIVATE|CERTIFICATE|OPENSSH)")
_PASSWORD = re.compile(
    r"(?i)(\b(pass(word|phrase|wd|wort)?|pwd|passcode)\b\s*(is|ist|[=:])\s*\S)|(\w+://[^\s/:@]*:[^\s/@]+@)"
)
_TOKEN = re.compile(
    r"""(?x)
      \bxox[abeprs]-\w | \bxapp-\d | \bxwfp-\w                        # Slack
    | \bgh[opsur]_\w{16} | \bgithub_pat_\w{16} | \bglpat-[\w-]{16}    # GitHub, GitLab
    | \b(AKIA|ASIA)[A-Z0-9]{16}\b                                     # AWS
    | \b(sk|rk|pk)[-_](live|test|proj|ant|admin)?[-_]?\w{16}          # Stripe, OpenAI and others
    | \bsb(p|_secret)_\w{16} | \bwhsec_[\w+/]{16} | \bsntry[su]_\w{8} # Supabase, webhooks, Sentry
    | \bSG\.[\w-]{16} | \bAIza[\w-]{30} | \bya29\.[\w-]{16}           # SendGrid, Google
    | \bnpm_\w{30} | \bpypi-\w{16} | \bdop_v1_\w{16} | \bhvs\.\w{16}  # registries, clouds, vaults
    | \bp-[0-9a-f]{32}\b                                              # ours, of a personal value: typed by nobody
    | \beyJ[\w-]{8,512}\.[\w-]{8,}\.                                  # JSON web tokens
    | (?i:\bbearer\s+[\w.~+/-]{16})
    | (?i:\b(api[-_ ]?key|secret|token)\s*[=:]\s*\S{8})
    """
)
_RUN = re.compile(r"[A-Za-z0-9+_=-]{24,}")
BITS = 3.8  # per character, over which a long run of mixed characters is no word of a language


def leak(text: str, prose: bool = False) -> Leak | None:
    """What the text seems to hold, or None. `prose`: long random-looking runs count too; ids may hold them."""
    if _KEY.search(text):
        return Leak.KEY
    if _PASSWORD.search(text):
        return Leak.PASSWORD
    if _TOKEN.search(text) or (prose and any(_random(run[0]) for run in _RUN.finditer(text))):
        return Leak.TOKEN
    return Leak.MAIL if _MAIL.search(text) else None


def hidden(text: str) -> str:
    """The text as it may be said back: masks in place of mail addresses."""
    return _MAIL.sub(lambda found: mask(found[0]), text)


def _random(run: str) -> bool:
    """Small and capital letters and digits, all three, in no order: hashes, UUIDs and words are none of that."""
    kinds = (any(c.islower() for c in run), any(c.isupper() for c in run), any(c.isdigit() for c in run))
    if not all(kinds):
        return False
    counts = Counter(run).values()
    return -sum(n / len(run) * math.log2(n / len(run)) for n in counts) > BITS
