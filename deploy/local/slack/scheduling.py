"""Messages that are posted later: each waits on the workspace's clock, also across a restart."""

from __future__ import annotations

from . import posting
from .core import Core
from .posting import read_content
from .state import Scheduled
from .wire import SlackError


def arm(core: Core, record: Scheduled) -> None:
    """Post `record` when its time has come."""
    core.spawn(_post(core, record))


def arm_all(core: Core) -> None:
    """Take up what a file brought back."""
    for record in list(core.state.scheduled.values()):
        arm(core, record)


def cancel(core: Core, record: Scheduled) -> None:
    """Post it never."""
    core.state.scheduled.pop(record.id, None)
    core.state.forget(record)


async def _post(core: Core, record: Scheduled) -> None:
    await core.clock.sleep_until(record.post_at)
    if core.state.scheduled.get(record.id) is not record:
        return
    cancel(core, record)
    app, channel = core.state.apps.get(record.app_id), core.state.channels.get(record.channel)
    if app is None or app.revoked or channel is None or channel.archived:
        return
    try:
        content = read_content(record.args, core.switches)
        files = [core.state.files[file] for file in record.args.get("files", ())]
        content.files = tuple(file.id for file in files)
        message = posting.post_as_app(core, app, channel, content)
        posting.shared(core, channel, files, message.ts)
    except SlackError as refusal:  # its thread may be gone by now: Slack has nobody to tell
        core.log.add("api", "chat.scheduleMessage", core.clock.now(), app.id, result=refusal.code)
