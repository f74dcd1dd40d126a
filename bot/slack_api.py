"""Slack's Web API, each call by the proxy that its own address asks for.

By itself the library sends everything through one proxy and heeds no NO_PROXY; files go to another host than calls.
"""

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.outgoing import proxy_for


class Client(AsyncWebClient):
    """Slack's Web API."""

    async def _send(self, http_verb: str, api_url: str, req_args: dict[str, Any]) -> Any:
        return await super()._send(http_verb, api_url, {**req_args, "proxy": proxy_for(api_url)})

    async def _upload_file(self, *, url: str, proxy: str | None, **more: Any) -> Any:
        return await super()._upload_file(url=url, proxy=proxy_for(url), **more)
