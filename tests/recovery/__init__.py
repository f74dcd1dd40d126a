"""What is left after a kill: at every commit, at every effect, of a worker or of the database."""
