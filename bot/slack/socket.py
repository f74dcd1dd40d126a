"""Socket Mode, apart because its library is loaded only where it is used."""

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient

from bot.outgoing import proxy_for

PING_EVERY = 3  # seconds: so soon a socket that was lost without a word is noticed; the library's own is 10


class Socket(SocketModeClient):
    """Each socket by the proxy that its own address asks for: Slack names the address anew for each."""

    async def issue_new_wss_url(self) -> str:
        url = await super().issue_new_wss_url()
        self.proxy = proxy_for(url)
        return url


class Handler(AsyncSocketModeHandler):
    """Bolt's own, with that socket."""

    def __init__(self, app: AsyncApp, token: str) -> None:
        self.app, self.app_token = app, token
        self.client = Socket(app_token=token, logger=app.logger, web_client=app.client, ping_interval=PING_EVERY)
        self.client.socket_mode_request_listeners.append(self.handle)  # type: ignore[arg-type]
