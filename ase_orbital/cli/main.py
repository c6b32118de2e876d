"""Compute descriptors and predict properties of crystals."""

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

COMMANDS = {
    "predict": "predict properties of the structures in files",
    "screen": "predict for any number of structures, into a folder that survives kills",
    "convert": "pack structures into one file that is fast to read",
    "value": "print one predicted number per structure, for programs that call a command",
    "describe": "compute descriptors of the structures in files",
    "unique": "find the distinct structures of a trajectory or database",
    "similar": "find the structures in files that are most similar to a given one",
    "models": "list the models that come with the package",
    "train": "train a model on crystals with known properties",
    "evaluate": "test models on crystals with known properties",
    "report": "write an HTML page about the results of other commands",
    "ablate": "train networks on different features of the atoms, and compare them",
    "learning-curve": "measure test errors against the number of training crystals",
    "import-eosnet": "convert a published EOSNet checkpoint into a model folder",
}
DEBUG = "show where an error comes from"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        Exit status: 0 for success, 1 for an invalid structure, model or setting, and 2 for
        a wrong call.
    """
    words = sys.argv[1:] if arguments is None else arguments
    chosen = next((word for word in words if word in COMMANDS), None)
    parser = argparse.ArgumentParser(prog="ase-orbital", description=__doc__)
    parser.add_argument("--debug", action="store_true", help=DEBUG)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose in COMMANDS.items():
        description = f"{purpose[0].upper()}{purpose[1:]}."
        subparser = commands.add_parser(name, help=purpose, description=description)
        if name == chosen:  # the others are not imported, which would cost time
            module = import_module(f"ase_orbital.cli.{name.replace('-', '_')}")
            module.add_arguments(subparser)
            # Also after the command; absent, it keeps what was said before.
            subparser.add_argument(
                "--debug", action="store_true", default=argparse.SUPPRESS, help=DEBUG
            )
    debug = False
    try:
        parsed = parser.parse_args(words)
        debug = parsed.debug
        code = int(module.run(parsed) or 0)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            raise
        print(f"ase-orbital: {_in_one_line(error)}", file=sys.stderr)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return code


def _in_one_line(error: BaseException) -> str:
    """What a user needs to know of an error."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    text = str(error)
    if isinstance(error, MemoryError):
        text = f"there is not enough memory: {text or 'use smaller or fewer structures'}"
    elif not isinstance(error, OrbitalError | OSError):
        text = (
            f"{type(error).__name__}: {text}; this is a fault of the program, please "
            "report it with what --debug shows"
        )
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
