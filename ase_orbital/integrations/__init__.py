"""Descriptors and predictions in the manner of other tools, one file a tool.

Each file needs its tool, which is not among what this package installs. Nothing else here
imports them: write `from ase_orbital.integrations.matcalc import ...` yourself.
"""
