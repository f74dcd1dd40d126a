"""A lunch bot as Bolt for Python's documentation teaches it. It knows nothing of where it runs."""

import os
import re

from slack_bolt import App
from slack_sdk import WebClient

client = WebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ.get("SLACK_API_URL", WebClient.BASE_URL))
app = App(client=client, signing_secret=os.environ.get("SLACK_SIGNING_SECRET"))

DISHES = ["Soup", "Salad", "Stew"]


def plain(text):
    return {"type": "plain_text", "text": text}


def option(text):
    return {"text": plain(text), "value": text.lower()}


def button(action_id, text, **more):
    return {"type": "button", "action_id": action_id, "text": plain(text), **more}


def form(channel, note=None):
    search = {"type": "external_select", "action_id": "dish", "placeholder": plain("Dish"), "min_query_length": 1}
    place = {"type": "external_select", "action_id": "place", "placeholder": plain("Place"), "min_query_length": 0}
    blocks = [
        {
            "type": "input",
            "block_id": "name",
            "label": plain("Name"),
            "element": {"type": "plain_text_input", "action_id": "text"},
        },
        {"type": "section", "block_id": "dishes", "text": plain("What?"), "accessory": search},
        {"type": "input", "block_id": "places", "optional": True, "label": plain("Where"), "element": place},
        {"type": "actions", "elements": [button("more", "More"), button("details", "Details")]},
    ]
    if note:
        blocks.append({"type": "section", "block_id": "note", "text": {"type": "mrkdwn", "text": note}})
    return {
        "type": "modal",
        "callback_id": "order",
        "private_metadata": channel,
        "notify_on_close": True,
        "title": plain("Order"),
        "submit": plain("Send"),
        "close": plain("Not now"),
        "blocks": blocks,
    }


def page(title, text):
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    return {"type": "modal", "callback_id": "page", "title": plain(title), "blocks": blocks}


def home(count):
    rows = [
        {"type": "header", "text": plain("Canteen")},
        {"type": "section", "text": {"type": "mrkdwn", "text": f"Opened *{count}* times"}},
        {"type": "actions", "elements": [button("again", "Again", value=str(count))]},
    ]
    return {"type": "home", "blocks": rows}


# Slash commands


@app.command("/echo")
def echo(ack, command):
    ack(f"You said: {command['text']}")


@app.command("/announce")
def announce(ack, respond, command):
    ack()
    respond(text=f"Hear, hear: {command['text']}", response_type="in_channel")


@app.command("/order")
def order(ack, body, client):
    ack()
    client.views_open(trigger_id=body["trigger_id"], view=form(body["channel_id"]))


@app.command("/board")
def board(ack, say, command):
    ack()
    say(
        text="The board",
        blocks=[
            {"type": "section", "text": {"type": "mrkdwn", "text": f"The board of <@{command['user_id']}>"}},
            {
                "type": "actions",
                "block_id": "buttons",
                "elements": [
                    button("take", "Take", style="primary", value="42"),
                    button("drop", "Drop", style="danger"),
                    button("tell", "Tell"),
                ],
            },
            {
                "type": "actions",
                "block_id": "choices",
                "elements": [
                    {
                        "type": "static_select",
                        "action_id": "size",
                        "placeholder": plain("Size"),
                        "options": [option("Small"), option("Large")],
                    },
                    {"type": "datepicker", "action_id": "day", "placeholder": plain("Day")},
                    {"type": "overflow", "action_id": "rest", "options": [option("Pin"), option("Forget")]},
                ],
            },
        ],
    )


@app.command("/whisper")
def whisper(ack, client, command):
    ack()
    if found := re.match(r"<@(\w+)", command["text"]):
        client.chat_postEphemeral(channel=command["channel_id"], user=found[1], text="Only you read this.")


@app.command("/menu")
def menu(ack, client, command):
    ack()
    client.files_upload_v2(
        channel=command["channel_id"],
        filename="menu.txt",
        title="Menu",
        content="\n".join(DISHES),
        initial_comment="Today's menu",
    )


# Buttons, selects and pickers on a message


@app.action("take")
def take(ack, body, action, respond):
    ack()
    respond(text=f"Taken by <@{body['user']['id']}> for {action['value']}", replace_original=True)


@app.action("drop")
def drop(ack, respond):
    ack()
    respond(delete_original=True)


@app.action("tell")
def tell(ack, respond):
    ack()
    respond(text="Between us", response_type="ephemeral", replace_original=False)
    respond(text="For everybody", response_type="in_channel", replace_original=False)


@app.action({"block_id": "choices", "action_id": "size"})
def size(ack, body, say):
    ack()
    values = body["state"]["values"]["choices"]
    chosen = values["size"]["selected_option"]["value"]
    say(text=f"size {chosen}, day {values['day']['selected_date']}", thread_ts=body["message"]["ts"])


@app.action("day")
def day(ack, action, body, client):
    ack()
    client.chat_update(
        channel=body["channel"]["id"],
        ts=body["message"]["ts"],
        text=f"The board for {action['selected_date']}",
        blocks=body["message"]["blocks"],
    )


@app.action("rest")
def rest(ack, action, body, say):
    ack()
    say(text=f"rest: {action['selected_option']['value']}", thread_ts=body["message"]["ts"])


# The form


@app.options("dish")
def dishes(ack, payload):
    typed = payload.get("value") or ""
    ack(options=[option(one) for one in DISHES if typed.lower() in one.lower()])


@app.options("place")
def places(ack):
    inside = {"label": plain("Inside"), "options": [option("Hall"), option("Desk")]}
    outside = {"label": plain("Outside"), "options": [option("Garden")]}
    ack(option_groups=[inside, outside])


@app.action("dish")
def dish(ack, action, body, client):
    ack()
    chosen = action["selected_option"]["text"]["text"]
    view = form(body["view"]["private_metadata"], f"*{chosen}* it is")
    client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=view)


@app.action("more")
def more(ack, body, client):
    ack()
    view = form(body["view"]["private_metadata"], "There is _more_")
    client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=view)


@app.action("details")
def details(ack, body, client):
    ack()
    client.views_push(trigger_id=body["trigger_id"], view=page("Details", "All of them"))


@app.view("order")
def ordered(ack, view, body, client):
    values = view["state"]["values"]
    name = values["name"]["text"]["value"]
    if name == "nobody":
        ack(response_action="errors", errors={"name": "Somebody has to eat it"})
    elif name == "look":
        ack(response_action="update", view=page("Look", "Looked up"))
    elif name == "ask":
        ack(response_action="push", view=page("Sure?", "Are you sure?"))
    elif name == "never mind":
        ack(response_action="clear")
    else:
        ack()
        place = values["places"]["place"]["selected_option"]
        client.chat_postMessage(
            channel=view["private_metadata"],
            text=f"{name} eats, says <@{body['user']['id']}>, {place['value'] if place else 'nowhere'}",
        )


@app.view_closed("order")
def not_ordered(ack, body, client):
    ack()
    client.chat_postMessage(channel=body["view"]["private_metadata"], text=f"cleared: {body['is_cleared']}")


# Shortcuts and Home


@app.shortcut("new_order")
def new_order(ack, shortcut, client):
    ack()
    client.views_open(trigger_id=shortcut["trigger_id"], view=form("-"))


@app.shortcut("quote")
def quote(ack, shortcut, say, respond, client):
    ack()
    link = client.chat_getPermalink(channel=shortcut["channel"]["id"], message_ts=shortcut["message_ts"])
    say(text=f"> {shortcut['message']['text']}\n{link['permalink']}", thread_ts=shortcut["message_ts"])
    respond(text="Quoted")


@app.event("app_home_opened")
def opened(event, client):
    if event["tab"] == "home":
        client.views_publish(user_id=event["user"], view=home(1 if "view" not in event else 2))


@app.action("again")
def again(ack, body, action, client):
    ack()
    client.views_publish(user_id=body["user"]["id"], hash=body["view"]["hash"], view=home(int(action["value"]) + 10))


# Events


@app.message(re.compile("(hi|hello|hey)"))
def hello(say, message, context):
    say(f"{context['matches'][0]}, <@{message['user']}>", thread_ts=message.get("thread_ts"))


@app.event("app_mention")
def mentioned(event, say):
    say(text=f"You called, <@{event['user']}>?", thread_ts=event.get("thread_ts") or event["ts"])


@app.event("reaction_added")
def reacted(event, client):
    item = event["item"]
    client.reactions_add(channel=item["channel"], timestamp=item["ts"], name="eyes")


@app.event("member_joined_channel")
def joined(event, say):
    say(f"Welcome, <@{event['user']}>")


@app.event("message")
def any_other_message():
    pass


if __name__ == "__main__":
    if "SLACK_APP_TOKEN" in os.environ:
        from slack_bolt.adapter.socket_mode import SocketModeHandler

        SocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start()
    else:
        from flask import Flask, request
        from slack_bolt.adapter.flask import SlackRequestHandler

        flask_app = Flask(__name__)
        handler = SlackRequestHandler(app)

        @flask_app.route("/slack/events", methods=["POST"])
        def slack_events():
            return handler.handle(request)

        flask_app.run(host="127.0.0.1", port=int(os.environ.get("PORT", "3000")))
