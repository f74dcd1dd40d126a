"""Operations with forms, for the tests of the Slack doors; each file's path is its command."""
