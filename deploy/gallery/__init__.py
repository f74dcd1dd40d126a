"""Every screen of the bot as data, and `make gallery`, which photographs each through the local workspace's page."""
