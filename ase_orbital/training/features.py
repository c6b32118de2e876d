"""Graphs of many crystals, computed once and cached in files."""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from dataclasses import asdict, fields
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from tqdm import tqdm

from ase_orbital.elements import provenance
from ase_orbital.errors import OrbitalError
from ase_orbital.files import atomic_write, write_text
from ase_orbital.graphs.converters import build_batch
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.numerics.processes import map_in_processes
from ase_orbital.numerics.threads import each_on_one_thread
from ase_orbital.structure import digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.graphs.connectivity import Connectivity

logger = logging.getLogger(__name__)
FORMAT = 2  # of the shards; another number recomputes them
SHARD = 128  # crystals per file, which is what an interruption loses in each process
# The errors that zipfile and numpy raise for damaged files.
DAMAGED = (OSError, ValueError, KeyError, EOFError, RuntimeError, BadZipFile, zlib.error)


class FeatureCache:
    """Cache of the graphs of crystals in a folder.

    Graphs are found by the digest of the crystal. Each combination of descriptor,
    connectivity and element tables has a folder of its own, which several caches and
    processes may share. Equivalent atoms are merged, so the graphs serve training and
    evaluation, but carry no gradients by position; GOM is computed in single precision. A
    file is written completely or not at all, and a damaged file is computed again.
    """

    def __init__(
        self, folder: str | Path, descriptor: Descriptor, connectivity: Connectivity
    ) -> None:
        settings = {
            "format": FORMAT,
            "descriptor": descriptor.to_settings(),
            "connectivity": asdict(connectivity),
            "tables": {name: origin.sha256 for name, origin in provenance().items()},
        }
        text = json.dumps(settings, indent=1, sort_keys=True)
        self.folder = Path(folder) / _short_hash(text)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / "settings.json", text + "\n")
        self.descriptor = descriptor.with_precision("float32")
        self.connectivity = connectivity

    def graphs(
        self, structures: Sequence[Atoms], *, workers: int = 1, progress: bool = False
    ) -> tuple[CrystalGraph | None, dict[int, str]]:
        """Read the graphs of crystals, and compute those that are not in the cache.

        The structures are those of `to_atoms`. If several `workers`, which are processes,
        compute graphs, a script needs `if __name__ == "__main__":`.

        Returns
        -------
        graphs
            One batch, in input order, without the crystals that failed; None if all did.
        failed
            Error message for each crystal without a graph, by its index.
        """
        names = [digest(atoms) for atoms in structures]
        graphs, place = self._read(set(names))
        by_name = dict(zip(names, structures, strict=True))
        missing = {name: atoms for name, atoms in by_name.items() if name not in place}
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

    def _read(self, wanted: set[str]) -> tuple[list[CrystalGraph], dict[str, int]]:
        """Read the graphs that are in the cache, and the index of each crystal in them."""
        tensors = {field.name for field in fields(CrystalGraph)}
        if not self.connectivity.symmetric:
            tensors.remove("reverse_offset")
        graphs: list[CrystalGraph] = []
        place: dict[str, int] = {}
        for path in sorted(self.folder.glob("*.npz")):
            try:
                with ZipFile(path) as shard:
                    held = _array(shard, "digests").tolist()
                    wanted = wanted - place.keys()
                    new = [i for i, name in enumerate(held) if name in wanted]
                    if not new:
                        continue
                    graph = CrystalGraph(
                        **{name: torch.from_numpy(_array(shard, name)) for name in tensors}
                    )
            except DAMAGED as error:
                logger.warning("%s is damaged (%s) and is computed again", path, error)
                path.unlink(missing_ok=True)
                continue
            graphs.append(graph.select(torch.tensor(new)))
            place |= {held[i]: len(place) + n for n, i in enumerate(new)}
        return graphs, place

    def _compute(
        self, missing: dict[str, Atoms], workers: int, progress: bool
    ) -> dict[str, str]:
        """Write the graphs of crystals; return the errors of those that failed."""
        # Similar sizes share a file, so that files take similar times; the largest first.
        items = sorted(missing.items(), key=lambda item: -len(item[1]))
        shards = [items[start : start + SHARD] for start in range(0, len(items), SHARD)]
        if workers > 1 and len(shards) > 1:
            results = map_in_processes(self._write_shard, shards, workers)
        else:
            results = each_on_one_thread(self._write_shard, shards)
        failures: dict[str, str] = {}
        with tqdm(
            total=len(items), disable=not progress, unit=" crystals", desc="features"
        ) as bar:
            for shard, failed in zip(shards, results, strict=True):
                failures |= failed
                bar.update(len(shard))
        return failures

    def _write_shard(self, items: list[tuple[str, Atoms]]) -> dict[str, str]:
        """Compute and write graphs; return the errors of those that failed, by digest."""
        failed: dict[str, str] = {}
        digests = [name for name, _ in items]
        try:
            graphs = [self._build([atoms for _, atoms in items])]
        except OrbitalError:
            graphs, digests = [], []
            for name, atoms in items:
                try:
                    graphs.append(self._build([atoms]))
                    digests.append(name)
                except OrbitalError as error:
                    failed[name] = str(error)
        if graphs:
            batch = CrystalGraph.batch(graphs)
            arrays = {
                field.name: tensor.numpy()
                for field in fields(batch)
                if (tensor := getattr(batch, field.name)) is not None
            }
            path = self.folder / f"{_short_hash(''.join(digests))}.npz"
            with atomic_write(path) as temporary:
                np.savez_compressed(temporary, digests=np.array(digests), **arrays)
        return failed

    def _build(self, structures: list[Atoms]) -> CrystalGraph:
        return build_batch(structures, self.descriptor, self.connectivity)


def _array(shard: ZipFile, name: str) -> NDArray[Any]:
    """Read an array; reading all bytes first makes zipfile verify their checksum."""
    content: NDArray[Any] = np.load(BytesIO(shard.read(f"{name}.npy")), allow_pickle=False)
    return content


def _short_hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
