"""The operations: one file is one command, named by its path; `ls` here is the feature list."""
