"""The Slack doors: each payload ends in one call of the service, and every payload is answered in words."""

from bot.slack.app import Identity as Identity
from bot.slack.app import build_app as build_app
from bot.slack.app import socket_door as socket_door
from bot.slack.desk import Desk as Desk
