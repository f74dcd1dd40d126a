"""What several tests stand on: a migrated database with two roles, a small company, effects on a real folder."""
