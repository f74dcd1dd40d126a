"""What people do to an app: commands, clicks, submissions, suggestions, shortcuts, opening its home."""
