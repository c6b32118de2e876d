"""ase-orbital: descriptors and learned properties of crystals."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from ase_orbital import __version__
from ase_orbital.errors import OrbitalError

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = {
    "predict": "learned properties of the structures in files",
    "value": "one number a line, for programs that call a command",
    "describe": "descriptors of the structures in files",
    "unique": "the distinct structures of a trajectory or database",
    "similar": "the structures in files that are nearest to a given one",
    "models": "the models that come with the package",
    "train": "a model from crystals with known properties",
    "evaluate": "models against crystals with known properties",
    "ablate": "networks with different rows for the atoms, side by side",
    "learning-curve": "the error of networks against the number of crystals",
    "import-eosnet": "turn a published EOSnet checkpoint into a model folder",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 if all went well, 1 for a bad structure or model, 2 for misuse."""
    parser = argparse.ArgumentParser(prog="ase-orbital", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    modules = {}
    for verb, purpose in VERBS.items():
        modules[verb] = import_module(f"ase_orbital.cli.{verb.replace('-', '_')}")
        parser_of_verb = verbs.add_parser(verb, help=purpose, description=purpose)
        modules[verb].add_arguments(parser_of_verb)
    parsed = parser.parse_args(arguments)
    try:
        code = int(modules[parsed.verb].run(parsed) or 0)
        sys.stdout.flush()
    except OrbitalError as error:
        print(f"ase-orbital: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # as of `| head`: who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
