"""Measure what a structure costs in a screening, by its source and size.

    python -m tests.benchmarks.screening_costs --data FOLDER

Times are processor time of one process, so that other programs disturb them little. Each
column is also given as a share of `predict_many` on the same structures.
"""

import argparse
import tempfile
import time
from pathlib import Path

from ase.io import write

from ase_orbital import Predictor
from ase_orbital.databases import connect
from ase_orbital.readers import read_frames
from ase_orbital.screening import convert
from ase_orbital.screening.rows import Columns, RowMaker
from ase_orbital.screening.shards import Folder
from ase_orbital.screening.sources import Inputs

SETS = {
    "5 atoms": ("perovskites", "eosnet-heat-of-formation-perovskites", 4000, 5, 5),
    "8 to 12 atoms": ("mp2018", "eosnet-formation-energy-mp2018", 1000, 8, 12),
    "36 to 44 atoms": ("mp2018", "eosnet-formation-energy-mp2018", 300, 36, 44),
}
CIFS = 200  # of them, because they are slow to read


def seconds(function, repeats=2):
    """Least processor time of some calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def sources(frames, folder):
    """Write structures in all formats; give the path and number of structures of each."""
    write(folder / "all.extxyz", frames)
    (folder / "cifs").mkdir()
    for number, atoms in enumerate(frames[:CIFS]):
        write(folder / f"cifs/{number:05d}.cif", atoms)
    for name in ("all.parquet", "all.aselmdb"):
        convert(frames, folder / name, workers=1)
    with connect(folder / "all.db") as database:
        for atoms in frames:
            database.write(atoms)
    paths = {
        name: folder / name
        for name in ("all.parquet", "all.aselmdb", "all.db", "all.extxyz")
    }
    counts = {path: len(frames) for path in paths.values()}
    return {**counts, folder / "cifs": min(CIFS, len(frames))}


def measure(frames, model):
    """Yield rows of a table: what it is, microseconds per structure, share."""
    predictor = Predictor(model, device="cpu", domain=True)
    predictor.predict_many(frames[:50])
    alone = seconds(lambda: predictor.predict_many(frames)) / len(frames)
    yield "predict_many", alone, 1.0
    maker = RowMaker(Columns((model,), "cpu", domain=True))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        out = Folder(folder / "out")
        out.begin({})
        for path, number in sources(frames, folder).items():

            def read(path=path):
                return [one for part in Inputs(path).parts(10_000) for one in part.frames()]

            def run(read=read):
                out.write(0, maker.table(read()), 0.0)

            reading, whole = seconds(read) / number, seconds(run) / number
            yield f"read {path.name}", reading, alone / reading
            yield f"screen {path.name}", whole, alone / whole


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    for name, (file, model, number, low, high) in SETS.items():
        every = read_frames(data / f"{file}.extxyz.gz")
        frames = [atoms for atoms in every if low <= len(atoms) <= high][:number]
        for atoms in frames:
            atoms.calc, atoms.info = None, {"id": atoms.info["id"]}
        print(f"{name}: {len(frames)} structures")  # noqa: T201
        for what, cost, share in measure(frames, model):
            print(f"  {what:22} {1e6 * cost:9.0f} us {100 * share:6.0f} %")  # noqa: T201


if __name__ == "__main__":
    main()
