"""Operations of the machine's own tests; each file's path is its command."""
