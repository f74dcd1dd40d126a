"""A local Slack workspace: Web API, deliveries, people, and a page, in one process on a loopback port.

It knows nothing of the app under test; it reads an app manifest, as Slack does, and speaks Slack's wire protocol.

    from deploy.local.slack import AppSpec, ChannelSpec, GroupSpec, PersonSpec, SlackServer, Workspace, WorkspaceSpec

    spec = WorkspaceSpec(
        people=[PersonSpec(name="ada", role="admin"), PersonSpec(name="bo"), PersonSpec(name="gus", role="guest")],
        channels=[ChannelSpec(name="ops"), ChannelSpec(name="secret", private=True, members=["ada"])],
        groups=[GroupSpec(handle="dba", members=["ada"])],
        apps=[AppSpec(manifest={...Slack's app manifest...}, request_url="http://127.0.0.1:3000/slack/events")],
    )                                    # or WorkspaceSpec.from_file("workspace.json" or ".yaml")
    server = SlackServer(spec)           # clock=Clock(), file=None (a path: it survives restarts), limits=True
    await server.start(port=0)           # 0: a free port of 127.0.0.1
    server.url, server.api_url           # "http://127.0.0.1:PORT", "http://127.0.0.1:PORT/api/"
    app = server.app()                   # .bot_token .app_token .signing_secret .app_id .bot_user_id .bot_id .team_id
    server.set_request_url(url)          # once the app's own port is known; one URL for commands, events, interactivity
    slack = server.workspace()           # in-process Workspace client; or Workspace(server.url) from another process
    await server.stop()

People are named by handle ("ada") or id, channels by name ("ops", "#ops", "@bot" for the DM with the app) or id.
`Workspace` (client.py) acts as any person:

    ran = await slack.command("ada", "ops", "/ops db restore shop")   # Outcome: .ok .result .text .elapsed .trigger_id
    message = await slack.wait_for_message("ada", "ops", text="restore")   # woken by the change feed, no sleep
    await slack.click("ada", message, "Approve")                        # by action_id, block_id, value or label
    view = await slack.wait_for_view("ada")                             # the modal on top
    options = await slack.suggest("ada", view, "target", "sho")         # external select: what the app offers
    await slack.choose("ada", view, "target", "shop")                   # set (and dispatch) one element
    done = await slack.submit("ada", view, {"reason": "drill"})         # .errors: {block_id: text}
    await slack.messages("ada", "ops"); await slack.thread("ada", "ops", ts); await slack.ephemerals("ada", "ops")
    await slack.post("ada", "ops", "hi <@U…>", thread_ts=None); await slack.open_home("ada"); await slack.home("ada")
    await slack.shortcut("ada", "callback_id", message=None); await slack.cancel("ada", view)
    await slack.edit("ada", message, "better"); await slack.direct("ada", "bo"); await slack.invite("ada", "ops", "gus")
    await slack.upload("ada", "out.log", "text", "ops"); await slack.reload("ada")   # a reload ends what was ephemeral
    await slack.switches(characters="code_points")      # what Slack's documentation leaves open: see switches.py
    await slack.cut_sockets(); await slack.cut_sockets("refresh_requested"); await slack.ssl_check()
    await slack.set_person("bo", deactivated=True); await slack.set_group("dba", members=["bo"])
    await slack.archive_channel("ops"); await slack.delete_message("ada", "ops", ts); await slack.move_clock(seconds=31)
    await slack.fault("chat.postMessage", "ratelimited", times=1)       # or error, slow, hang, drop: see faults.py
    await slack.fault("delivery:events_api", "reorder")                 # or lose_ack, duplicate, slow, drop, cut
    await slack.wait_for(condition)                                     # any async condition, re-tried on each change
    await slack.log(kind="api")                                         # every request, delivery and ack, with timings
    await slack.weather("down")                                         # or slow, fair: for every call until changed
    await slack.ask("trace", **{"as": "ada", "channel": "ops", "ts": ts})  # or view=…, home=…: the wire of one thing

`SlackServer(spec, desk=Desk(guide=…, buttons=…))` (desk.py) puts a guide and buttons of one's own on the page.
"""

from .client import Outcome, Workspace
from .clock import Clock
from .server import SlackServer
from .spec import AppSpec, ChannelSpec, GroupSpec, Manifest, PersonSpec, TeamSpec, WorkspaceSpec

__all__ = [
    "AppSpec",
    "ChannelSpec",
    "Clock",
    "GroupSpec",
    "Manifest",
    "Outcome",
    "PersonSpec",
    "SlackServer",
    "TeamSpec",
    "Workspace",
    "WorkspaceSpec",
]
