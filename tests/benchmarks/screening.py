"""Screen many made-up crystals, and record rate and memory.

    python -m tests.benchmarks.screening FOLDER --parents FILE --structures 1000000

The crystals are those of a file, with elements replaced by others of their group, and
strained. They are made once, as FOLDER/crystals.parquet.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
from ase.data import chemical_symbols

from ase_orbital.readers import read_frames
from ase_orbital.screening import Results, convert

GROUPS = ["Li Na K Rb Cs", "Be Mg Ca Sr Ba", "Ti Zr Hf", "V Nb Ta", "Cr Mo W",
          "Fe Co Ni", "Cu Ag Au", "Zn Cd", "Al Ga In", "Si Ge Sn", "N P As Sb", "O S Se Te",
          "F Cl Br I"]  # fmt: skip
STRAIN = 0.04
MODELS = ["eosnet-heat-of-formation-perovskites"]


def crystals(parents, number, seed=1):
    """Yield crystals with other elements, of those that occur, and strained cells."""
    rng = np.random.default_rng(seed)
    present = {z for atoms in parents for z in atoms.numbers}
    group = {z: [z] for z in present}
    for names in GROUPS:
        members = [z for z in map(chemical_symbols.index, names.split()) if z in present]
        group |= dict.fromkeys(members, members)
    for index in range(number):
        atoms = parents[index % len(parents)].copy()
        draws = rng.random(len(chemical_symbols))
        new = {z: group[z][int(draws[z] * len(group[z]))] for z in set(atoms.numbers)}
        atoms.numbers = [new[z] for z in atoms.numbers]
        strain = np.eye(3) + STRAIN * rng.uniform(-1.0, 1.0, (3, 3))
        atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        atoms.calc, atoms.info = None, {"id": f"{atoms.symbols}-{index}"}
        yield atoms


def memory(process):
    """Resident memory of a process and its children, without what they share, in MiB."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().uss
        except psutil.Error:  # it has just ended
            continue
    return total / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--structures", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    explained = "file of the crystals to change"
    parser.add_argument("--parents", required=True, help=explained)
    parser.add_argument("--kill-at", type=int, help="kill and repeat it at so many shards")
    parser.add_argument("--model", nargs="+", default=MODELS)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    source, out = given.folder / "crystals.parquet", given.folder / "out"
    if not source.exists():
        parents = read_frames(given.parents)
        convert(crystals(parents, given.structures), source, workers=1, progress=True)
    command = [sys.executable, "-m", "ase_orbital", "screen", source, "-o", out]
    command += [f"--workers={given.workers}", *(f"--model={name}" for name in given.model)]
    start, log = time.monotonic(), []
    for kill in [True] * (given.kill_at is not None) + [False]:
        with subprocess.Popen(command) as running:
            process = psutil.Process(running.pid)
            while running.poll() is None:
                done = len(list((out / "shards").glob("*.json"))) if out.exists() else 0
                log.append(
                    (round(time.monotonic() - start, 1), done, round(memory(process)))
                )
                if kill and done >= given.kill_at:
                    running.kill()
                time.sleep(2.0)
    marks = Results(out).marks.values()
    summary = {
        "structures": sum(mark["rows"] for mark in marks),
        "failed": sum(mark["failed"] for mark in marks),
        "seconds": log[-1][0],
        "work_seconds": sum(mark["seconds"] for mark in marks),
        "largest_MiB": max(entry[2] for entry in log),
        "result_bytes": sum(mark["bytes"] for mark in marks),
        "source_bytes": source.stat().st_size,
        "log": log,
    }
    (given.folder / "log.json").write_text(json.dumps(summary))
    print({name: value for name, value in summary.items() if name != "log"})  # noqa: T201


if __name__ == "__main__":
    main()
