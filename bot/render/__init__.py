"""Runs, events and answers in words and blocks: the only place that knows Block Kit, and pure throughout."""

from bot.render.absence import absence as absence
from bot.render.answer import answer as answer
from bot.render.answer import described as described
from bot.render.card import card as card
from bot.render.card import lock_screen as lock_screen
from bot.render.changes import values as values
from bot.render.details import details as details
from bot.render.digest import digest as digest
from bot.render.message import EVENT_TYPE as EVENT_TYPE
from bot.render.message import NOBODY as NOBODY
from bot.render.message import File as File
from bot.render.message import Group as Group
from bot.render.message import Message as Message
from bot.render.message import Names as Names
from bot.render.plan import differences as differences
from bot.render.plan import file_hash as file_hash
from bot.render.plan import fits as fits
from bot.render.plan import plan_file as plan_file
from bot.render.plan import plan_text as plan_text
from bot.render.plot import plot as plot
from bot.render.replies import elsewhere as elsewhere
from bot.render.replies import heard as heard
from bot.render.replies import page as page
from bot.render.replies import replies as replies
from bot.render.replies import untold as untold
from bot.render.tell_request import called_to_decide as called_to_decide
