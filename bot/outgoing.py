"""Which proxy an outgoing connection goes through: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as Python reads them."""

from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

LIKE = {"wss": "https", "ws": "http"}


def proxy_for(url: str) -> str | None:
    """The proxy's URL, or None where the connection goes straight there."""
    parts = urlsplit(url)
    proxies = getproxies_environment()
    found = proxies.get(LIKE.get(parts.scheme, parts.scheme))
    if not found or proxy_bypass_environment(parts.netloc.rpartition("@")[2], proxies):
        return None
    return str(found) if "://" in found else f"http://{found}"
