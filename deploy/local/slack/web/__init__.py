"""Slack's Web API: one file a family of methods, and the door they share."""
