"""Damaged files through the commands: an answer, or one line and status 1 or 2."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from ase.build import bulk
from ase.io import write

from ase_orbital.cli.main import main

from .outcomes import ANSWERED, REFUSED, WRONG, Try

MODEL = "eosnet-fermi-energy-mp2018"
FORMATS = {"cif": "cif", "extxyz": "extxyz", "vasp": "vasp", "json": "json", "db": "db"}
COMMANDS = (
    ("predict", "-m", MODEL, "-o", "out.csv"),
    ("predict", "-m", MODEL, "-o", "out.extxyz"),
    ("predict", "-m", MODEL),
    ("value", "-m", MODEL),
    ("describe", "-o", "out.npz"),
    ("unique", "-o", "out.extxyz"),
    ("convert", "--workers", "1", "-o", "out.parquet"),
    ("convert", "--workers", "1", "-o", "out.aselmdb"),
)
REPORT = ("report", "-o", "out.html")
VALUES = (b"nan", b"inf", b"1e39", b"-1", b"0", b"99999999999", b"", b"X", b"?", b"\xff")
NUMBER = re.compile(rb"-?\d+\.?\d*")


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut, flip a bit, or replace a number."""
    place = int(rng.integers(len(content)))
    how = rng.integers(4)
    if how == 0:
        return content[:place]
    if how == 1:
        flipped = content[place] ^ (1 << int(rng.integers(8)))
        return content[:place] + bytes([flipped]) + content[place + 1 :]
    if how == 2:
        return content[:place] + content[place + int(rng.integers(1, 40)) :]
    numbers = list(NUMBER.finditer(content))
    if not numbers:
        return content[::-1]
    found = numbers[int(rng.integers(len(numbers)))]
    value = VALUES[int(rng.integers(len(VALUES)))]
    return content[: found.start()] + value + content[found.end() :]


def attack(number: int, seed: int):
    """Yield what became of each damaged file."""
    salt = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    with TemporaryDirectory() as folder:
        good = {}
        for name in FORMATS:
            write(Path(folder) / f"good.{name}", salt)
            good[name] = (Path(folder) / f"good.{name}").read_bytes()
        table = Path(folder) / "good.csv"
        main(["predict", str(Path(folder) / "good.cif"), "-m", MODEL, "-o", str(table)])
        good["csv"] = table.read_bytes()
        for index in range(number):
            rng = np.random.default_rng([seed, index])
            name = list(good)[int(rng.integers(len(good)))]
            path = Path(folder) / f"bad.{name}"
            path.write_bytes(damaged(good[name], rng))
            command, *rest = COMMANDS[int(rng.integers(len(COMMANDS)))]
            if name == "csv":
                command, *rest = REPORT
            yield tried(
                [command, str(path), *rest], Path(folder), f"{index} {name} {command}"
            )


def tried(words: list[str], folder: Path, what: str) -> Try:
    """Run a command in this process, and look at everything that it leaves."""
    output = None
    if "-o" in words:
        output = folder / words[-1]
        output.write_text("an earlier result")
        words = [*words[:-1], str(output)]
    printed, errors = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(errors):
            code = main(words)
    except SystemExit as error:
        code = error.code
    except BaseException as error:
        return Try(what, WRONG, repr(error))
    told = errors.getvalue()
    if "Traceback" in told or "fault of the program" in told:
        return Try(what, WRONG, told[-200:])
    if code == 0:
        lost = re.search(r"\bnan\b", printed.getvalue())
        return Try(what, WRONG if lost else ANSWERED, "nan was printed")
    if code not in (1, 2) or not told.strip():
        return Try(what, WRONG, f"status {code}, and {told!r}")
    if output and output.read_bytes() != b"an earlier result":
        return Try(what, WRONG, f"{output.name} was replaced by nothing")
    return Try(what, REFUSED)
