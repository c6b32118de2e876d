"""Graphs of many crystals, computed once and kept in files."""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from ase_orbital.descriptors.settings import computing, to_settings
from ase_orbital.elements import provenance
from ase_orbital.errors import OrbitalError
from ase_orbital.files import atomic_write
from ase_orbital.graphs.building import build_batch
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.numerics.threads import each_on_one_thread
from ase_orbital.structure import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.graphs.connectivity import Connectivity

logger = logging.getLogger(__name__)
FORMAT = 2  # of the shards; a new number recomputes them
SHARD = 128  # crystals a file: what is lost at most by an interruption, for each process
# Whatever zipfile and numpy raise for bytes that are not what they were.
DAMAGED = (
    OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error
)  # fmt: skip


class FeatureCache:
    """Keeps the graphs of crystals in a folder, by content and by settings.

    Equivalent atoms are merged, so the graphs are for training and evaluation, not for
    positions. A graph is found again by the crystal's digest, whatever list it is in; files
    of other descriptors, connectivities or element tables are in folders of their own.
    Files are written whole or not at all, and checked as they are read: a damaged one is
    made again.

    Parameters
    ----------
    folder
        Made if need be. Several caches and processes may share it.
    descriptor, connectivity
        What to compute; GOM in single precision.
    """

    def __init__(
        self, folder: str | Path, descriptor: Descriptor, connectivity: Connectivity
    ) -> None:
        settings = {
            "format": FORMAT,
            "descriptor": to_settings(descriptor),
            "connectivity": asdict(connectivity),
            "tables": {name: origin.sha256 for name, origin in provenance().items()},
        }
        text = json.dumps(settings, indent=1, sort_keys=True)
        self.folder = Path(folder) / _short_hash(text.encode())
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "settings.json").write_text(text + "\n", encoding="utf-8")
        self.descriptor = computing(descriptor, "float32")
        self.connectivity = connectivity

    def graphs(
        self, structures: Sequence[Atoms], *, workers: int = 1, progress: bool = False
    ) -> tuple[CrystalGraph | None, dict[int, str]]:
        """Graphs of crystals, from the files as far as they are there.

        Parameters
        ----------
        structures
            Checked by `to_atoms`.
        workers
            Processes to compute with; more than one are started anew, so a script that asks
            for them needs `if __name__ == "__main__":`.
        progress
            Show a bar.

        Returns
        -------
        graphs
            One batch, in input order, without those that failed; None if all did.
        failed
            Why a crystal has no graph, by its place in the input.
        """
        names = [digest(atoms) for atoms in structures]
        graphs, place = self._read(set(names))
        missing = dict(zip(names, structures, strict=True))
        missing = {name: atoms for name, atoms in missing.items() if name not in place}
        failures: dict[str, str] = {}
        if missing:
            failures = self._compute(missing, workers, progress)
            made, places = self._read(set(missing))
            place |= {name: index + len(place) for name, index in places.items()}
            graphs += made
        failed = {i: failures[name] for i, name in enumerate(names) if name in failures}
        if len(failed) == len(names):
            return None, failed
        order = [place[name] for name in names if name not in failures]
        return CrystalGraph.batch(graphs).select(torch.tensor(order)), failed

    @property
    def _field_names(self) -> list[str]:
        """What a merged graph has: everything, but for reverses where edges have none."""
        names = [field.name for field in fields(CrystalGraph)]
        if not self.connectivity.symmetric:
            names.remove("reverse_offset")
        return names

    def _read(self, wanted: set[str]) -> tuple[list[CrystalGraph], dict[str, int]]:
        """Graphs of the crystals wanted as far as there are any, and each one's place."""
        graphs: list[CrystalGraph] = []
        place: dict[str, int] = {}
        for path in sorted(self.folder.glob("*.npz")):
            try:
                with zipfile.ZipFile(path) as shard:
                    held = _array(shard, "digests").tolist()
                    new = [
                        i
                        for i, name in enumerate(held)
                        if name in wanted and name not in place
                    ]
                    if not new:
                        continue
                    tensors = {
                        name: torch.from_numpy(_array(shard, name))
                        for name in self._field_names
                    }
            except DAMAGED as error:
                logger.warning("%s is damaged (%s): it is made again", path, error)
                path.unlink(missing_ok=True)
                continue
            graphs.append(CrystalGraph(**tensors).select(torch.tensor(new)))
            place |= {held[i]: len(place) + n for n, i in enumerate(new)}
        return graphs, place

    def _compute(
        self, missing: dict[str, Atoms], workers: int, progress: bool
    ) -> dict[str, str]:
        """Add shards for crystals that are in none; reasons of those that failed."""
        # By size, so that a shard's crystals take about as long, the largest first.
        items = sorted(missing.items(), key=lambda item: -len(item[1]))
        parts = [items[start : start + SHARD] for start in range(0, len(items), SHARD)]
        make = partial(
            _make_shard,
            folder=self.folder,
            descriptor=self.descriptor,
            connectivity=self.connectivity,
        )
        failures: dict[str, str] = {}
        with tqdm(
            total=len(items), disable=not progress, unit=" crystals", desc="features"
        ) as bar:
            for part, failed in zip(parts, _spread(make, parts, workers), strict=True):
                failures |= failed
                bar.update(len(part))
        return failures


def _make_shard(
    items: list[tuple[str, Atoms]],
    folder: Path,
    descriptor: Descriptor,
    connectivity: Connectivity,
) -> dict[str, str]:
    """Compute graphs and write them; reasons of those that failed, by digest."""
    failed: dict[str, str] = {}
    try:
        graphs = [build_batch([atoms for _, atoms in items], descriptor, connectivity)]
    except OrbitalError:
        graphs, kept = [], []
        for name, atoms in items:
            try:
                graphs.append(build_batch([atoms], descriptor, connectivity))
                kept.append((name, atoms))
            except OrbitalError as error:
                failed[name] = str(error)
        items = kept
    if graphs:
        merged = CrystalGraph.batch(graphs)
        names = [name for name, _ in items]
        arrays: dict[str, Any] = {
            field.name: value.numpy()
            for field in fields(merged)
            if (value := getattr(merged, field.name)) is not None
        }
        path = folder / f"{_short_hash(''.join(names).encode())}.npz"
        with atomic_write(path) as temporary:
            np.savez_compressed(temporary, digests=np.array(names), **arrays)
    return failed


def _array(shard: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Read an array, all its bytes first: only then zipfile looks at their checksum."""
    content: NDArray[Any] = np.load(BytesIO(shard.read(f"{name}.npy")), allow_pickle=False)
    return content


def _spread(make: Any, parts: list[Any], workers: int) -> Iterator[dict[str, str]]:
    """Make the shards, in order, by threads or by processes."""
    if workers == 1 or len(parts) < 2:
        yield from each_on_one_thread(make, parts)
        return
    # Spawned, not forked: a forked process inherits torch's and numba's locks.
    with ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        yield from pool.map(make, parts)


def _short_hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()
