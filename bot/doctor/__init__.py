"""Looks at everything outside that the bot depends on; each says what it found and, where it is bad, how to mend it."""
