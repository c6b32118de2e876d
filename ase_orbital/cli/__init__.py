"""Command line, one file per command. Everything can be done in Python as well."""
