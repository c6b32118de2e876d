"""The command line: one file a verb, and nothing a user could not write in Python."""
