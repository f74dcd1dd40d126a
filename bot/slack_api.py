"""Slack's Web API, each call by the proxy that its own address asks for.

By itself the library sends everything through one proxy and heeds no NO_PROXY; files go to another host than calls.
"""

from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.outgoing import proxy_for

TOKEN_REFUSED = frozenset(  # what Slack says of the token itself; waiting does not mend it
    {
        "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type",
        "missing_scope", "org_login_required", "team_access_not_granted", "no_permission",
    }
)  # fmt: skip


class Client(AsyncWebClient):
    """Slack's Web API. What is no answer of Slack's is an OSError: a line that breaks, and a body that is no JSON."""

    async def _send(self, http_verb: str, api_url: str, req_args: dict[str, Any]) -> Any:
        return await super()._send(http_verb, api_url, {**req_args, "proxy": proxy_for(api_url)})

    async def _request(self, **request: Any) -> Any:
        try:
            answer = await super()._request(**request)
        except (OSError, TimeoutError):
            raise
        except aiohttp.ClientError as error:  # most of them are no OSError, and nobody else knows the library
            raise ConnectionError(type(error).__name__) from None
        except (SlackApiError, ValueError):  # here it can only be a body that does not parse
            raise ConnectionError("an answer that is no JSON") from None
        if not isinstance(answer["data"], dict) or not answer["data"]:  # a proxy's page; the library fails on its text
            if answer["status_code"] != 429:
                raise ConnectionError(f"no answer of Slack's, status {answer['status_code']}")
            return {**answer, "data": {"ok": False, "error": "ratelimited"}}
        return answer

    async def _upload_file(self, *, url: str, proxy: str | None, **more: Any) -> Any:
        return await super()._upload_file(url=url, proxy=proxy_for(url), **more)


async def answer_at(url: str, *, within: int, **message: Any) -> None:
    """Answers a payload at its response_url, once. `within`: seconds. Raises OSError where Slack did not take it."""
    hook = AsyncWebhookClient(url, timeout=within, retry_handlers=[])  # one sent again may stand twice
    hook.proxy = proxy_for(url)  # a None given to the constructor makes it read the environment by itself
    try:
        sent = await hook.send(**message)
    except aiohttp.ClientError as error:  # most of them are no OSError
        raise ConnectionError(type(error).__name__) from None
    if sent.status_code != 200:
        raise OSError("Slack would not take the answer")
