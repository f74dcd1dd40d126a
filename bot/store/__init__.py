"""Every SQL statement of the bot's own tables, and nothing else that knows them."""
