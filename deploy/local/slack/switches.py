"""What Slack's documentation leaves open, or says in two ways: each a switch, set to the reading a bot fears more."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Switches(BaseModel):
    """One reading of everything nobody could verify. Set in a workspace's file, or by the control API."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    characters: Literal["utf16", "code_points"] = "utf16"
    """In what text is counted: an emoji is two UTF-16 units, and one code point."""
    option_value_most: Literal[75, 150] = 150
    """An option's `value`: 150 in the reference and the Python SDK, 75 in a comment of Slack's own types."""
    metadata_bytes: int = 8 * 1024
    """The most a message's metadata may be as JSON."""
    message_blocks_characters: int = 100_000
    """The most a message's blocks may be together, as JSON."""
    one_table_a_message: bool = True
    """Whether a message may hold one table block only."""
    chart_parts_most: Literal[6, 12] = 6
    """The most series, or segments of a pie, in a chart: two versions of its page."""
    data_table_rows_most: Literal[101, 201] = 101
    """The most rows of a data table, the head among them: two versions of its page."""
    other_text_most: int = 4000
    """The most `text` of ephemeral, /me and scheduled messages, where no number is given."""
    file_message_delay: float = 0.2
    """Seconds from the answer of files.completeUploadExternal until the file's message is there."""
    message_blocks_in_views: bool = False
    """Whether markdown, table, plan and the like are taken in modals and homes too."""
    trigger_words: Literal["reference", "guide", "invalid_arguments"] = "reference"
    """Which error word a late or used trigger_id brings."""
    burst_seconds: int = 60
    """How many seconds' worth of a tier's calls may come at once."""
    ticket_seconds: int = 60
    """How long a new socket's address is good for."""
    connections_open_tier: Literal["1", "3"] = "3"
    """The rate tier of apps.connections.open."""
    block_actions_take_payload: bool = False
    """Whether envelopes of block_actions say that a payload may come back."""
    text_only_update_keeps_blocks: bool = True
    """Whether chat.update with `text` alone leaves the old blocks standing."""
    edits_of_apps_marked: bool = True
    """Whether an app's message carries the mark of an edit after chat.update."""
    empty_rich_text: Literal["null", "absent"] = "null"
    """What an empty rich text input has for its value."""
    replace_original_default: bool = False
    """What a response_url does when `replace_original` is not given."""
    gone_url_status: Literal[404, 410, 200] = 404
    """The status of a response_url that is used up or too old; its body is JSON with the error word."""
    unknown_thread: Literal["message_not_found", "thread_not_found"] = "message_not_found"
    """The error word of a post into a thread that is not there."""
    ephemeral_in_quiet_thread: bool = False
    """Whether an ephemeral message is shown in a thread nobody has answered yet."""
    message_in_ephemeral_actions: bool = False
    """Whether a click on an ephemeral message carries the message."""
    plain_channel_names: bool = False
    """Whether deliveries name private channels and DMs; else `privategroup` and `directmessage`."""
    outsider_team: Literal["host", "own"] = "host"
    """Whose `team` a payload of somebody of another organisation carries."""
    outsiders_use_shortcuts: bool = False
    """Whether people of another organisation are offered shortcuts."""
    shortcuts_of_a_kind: Literal[5, 10] = 5
    """The most shortcuts of one type: five of each by the guide, ten in all by the manifest's schema."""
    response_urls_place: Literal["top", "view"] = "top"
    """Where a view_submission has its `response_urls`."""
    second_modal: Literal["replaces", "refused"] = "replaces"
    """What views.open does while another modal is open."""
    command_timeout: Literal["operation_timeout", "did_not_respond"] = "operation_timeout"
    """The words a person sees when a command is not acknowledged in time."""
    group_editors: Literal["everyone", "admins"] = "everyone"
    """Who may edit user groups; `admins` refuses bots too."""
    events_first: bool = False
    """Whether an event reaches the app before the answer of the call that caused it."""
