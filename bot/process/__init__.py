"""One process of the bot: what it is made of, how it opens its database, and its life from start to end."""
