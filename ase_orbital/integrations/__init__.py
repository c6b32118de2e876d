"""Descriptors and predictions with the interfaces of other tools, one file per tool.

Each file requires its tool, which this package does not install. Import the file that you
need, as in `from ase_orbital.integrations.matcalc import LearnedPropertyCalc`.
"""
