"""Screen inputs with models: read, predict and write, shard by shard."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import replace
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ase_orbital.checksums import JSON
from ase_orbital.errors import DataError, ModelError, check_whole
from ase_orbital.numerics.processes import map_with_workers, n_cpus
from ase_orbital.screening.frames import progress_bar, read_part
from ase_orbital.screening.results import Results
from ase_orbital.screening.rows import Columns, RowMaker, identity
from ase_orbital.screening.shards import FORMAT, Folder
from ase_orbital.screening.sources import Given, Inputs
from ase_orbital.zoo.folders import list_models, model_folder, read_card

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase_orbital.screening.frames import Part
    from ase_orbital.structure import AtomsLike

SHARD_SIZE = 10_000  # structures; a killed run loses one unfinished shard per process

Engine: TypeAlias = Callable[[Callable[[Any], Any], Iterable[Any]], Generator[Any]]


class Job(NamedTuple):
    """A shard to compute."""

    number: int
    part: Part


class Done(NamedTuple):
    """What became of a job."""

    rows: int
    weight: int


def screen(
    inputs: str | Path | Iterable[str | Path] | Iterable[AtomsLike],
    models: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    workers: int | None = None,
    engine: Engine | None = None,
    shard: tuple[int, int] = (0, 1),
    device: str | None = None,
    domain: bool | None = None,
    descriptors: Sequence[str] = (),
    structures: bool = True,
    shard_size: int = SHARD_SIZE,
    form: str | None = None,
    progress: bool = False,
) -> Results:
    """Predict for all structures of the inputs, and write the results into a folder.

    A structure that cannot be read or predicted becomes a row with its error. If the run is
    stopped or killed, the same call continues after the last finished shard.

    Parameters
    ----------
    inputs
        Files and folders: whatever ASE reads, extended XYZ (also .gz and .zst), ASE
        databases and .aselmdb, Parquet files with columns of structures, CSV files with
        CIFs or their names. Or an iterable of structures, which has to give the same ones
        again if a run is to be continued.
    models
        Names of `list_models()` or model folders; may be empty if there are `descriptors`.
    output
        Folder to create, or that of a run to continue.
    workers
        Number of processes that read and predict; None for the number of CPUs that this
        process may use. A script that uses several needs `if __name__ == "__main__":`.
    engine
        Where the work is done instead, such as `ParslEngine`.
    shard
        (i, n), counted from 0, to do only the i-th of n shares of the work, as in a job
        array. The shares can have one output folder.
    device
        As for `Predictor`. Several processes share a GPU.
    domain
        Whether to predict `in_domain`; None if all models can.
    descriptors
        Names of descriptors ("gom", "ofm", "elemental"), whose mean over the atoms is
        stored.
    structures
        Whether to store the structures as well, for `Results.atoms`.
    shard_size
        Number of structures in a shard; less where structures are large.
    form
        ASE's name of the format of all files, also of all those in folders, such as "vasp";
        None to infer it from the name of each.
    progress
        Whether to show a progress bar.

    Raises
    ------
    DataError
        If an input is absent or vanishes, the folder has results of another run, or the
        disk is full.
    ModelError, SettingError
        If a model or setting cannot be used.
    """
    index, n_shares = shard
    check_whole("the number of shards", n_shares, 1)
    check_whole("the index of the shard", index, 0, n_shares - 1)
    check_whole("shard_size", shard_size, 1)
    if workers is not None:
        check_whole("workers", workers, 1)
    columns = Columns(
        _named(models), device, None, bool(domain), tuple(descriptors), structures
    )
    columns, maker = _checked(columns, either=domain is None)
    found = Inputs(inputs, form)
    folder = Folder(output)
    folder.begin(_metadata(columns, maker, found, shard_size))
    plan = Plan(found, folder, shard_size, shard)
    run = engine or partial(
        map_with_workers, workers=n_cpus() if workers is None else workers
    )
    with (
        progress_bar(shown=progress) as bar,
        closing(run(partial(compute, columns, str(folder.path)), plan)) as results,
    ):
        for done in results:
            plan.finished += done.weight
            bar.total = plan.estimated(bar.n + done.rows)
            bar.update(done.rows)
    folder.end(plan.n_shards)
    return Results(output)


def compute(columns: Columns, folder: str, job: Job) -> Done:
    """Compute a shard, and write it. Runs in any process that sees inputs and output."""
    start = time.perf_counter()
    table = maker_of(columns).table(read_part(job.part))
    mark = Folder(folder).write(job.number, table, time.perf_counter() - start)
    return Done(mark["rows"], job.part.weight)


@lru_cache(maxsize=1)
def maker_of(columns: Columns) -> RowMaker:
    """Load the models once in a process."""
    return RowMaker(columns)


class Plan:
    """The jobs of a run that are not done yet.

    Attributes
    ----------
    n_shards
        Number of shards of the whole run, as far as the inputs have been read.
    finished
        Bytes of the inputs of finished jobs.
    """

    def __init__(
        self, inputs: Inputs, folder: Folder, size: int, share: tuple[int, int]
    ) -> None:
        self._inputs, self._folder, self._size, self._share = inputs, folder, size, share
        self.n_shards = self.finished = self._skipped = 0

    def __iter__(self) -> Iterator[Job]:
        index, n_shares = self._share
        for number, part in enumerate(self._inputs.parts(self._size)):
            self.n_shards = number + 1
            if number % n_shares == index:
                if self._folder.done(number):
                    self._check(number, part)
                    self._skipped += part.weight
                else:
                    yield Job(number, part)

    def _check(self, number: int, part: Part) -> None:
        """Raise DataError if a finished shard has others than these structures.

        Those of files are recognized by the sizes and times of the files instead.
        """
        if isinstance(part, Given):
            found = [identity(frame.atoms) for frame in read_part(part)]
            known = Results(self._folder.path).digests(number)
            if found != known:
                raise DataError(
                    f"{self._folder.path} has results of other structures than those from "
                    f"number {part.first}; give another folder"
                )

    def estimated(self, n_structures: int) -> int | None:
        """Number of structures of this run, from the bytes of those that are finished."""
        left = self._inputs.weight / self._share[1] - self._skipped
        if not self.finished or left <= 0:
            return None
        return round(n_structures * max(1.0, left / self.finished))


def _named(models: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """Names of shipped models, and absolute paths of folders."""
    given = models if isinstance(models, list | tuple) else [models]
    shipped = list_models()
    for model in given:
        if not isinstance(model, str | Path):
            raise ModelError(
                f"a {type(model).__name__} cannot be sent to other processes; give the "
                "name or the folder of a model"
            )
    return tuple(
        str(model) if str(model) in shipped else str(model_folder(model).resolve())
        for model in dict.fromkeys(given)
    )


def _checked(columns: Columns, *, either: bool) -> tuple[Columns, RowMaker]:
    """Load the models; with `either`, predict the domain if all of them can."""
    if either and columns.models:
        try:
            with_domain = replace(columns, domain=True)
            return with_domain, maker_of(with_domain)
        except ModelError:
            pass
    return columns, maker_of(columns)


def _metadata(
    columns: Columns, maker: RowMaker, inputs: Inputs, shard_size: int
) -> dict[str, Any]:
    """What identifies a run: another one must not continue it."""
    models = [
        {
            "name": Path(name).name,
            "property": read_card(name).property_name,
            "sha256": hashlib.sha256((model_folder(name) / JSON).read_bytes()).hexdigest(),
        }
        for name in columns.models
    ]
    return {
        "format": FORMAT,
        "package": version("ase-orbital"),
        "models": models,
        "properties": list(maker.units),
        "units": maker.units,
        "domain": columns.domain,
        "descriptors": list(columns.descriptors),
        "structures": columns.structures,
        "shard_size": shard_size,
        "inputs": inputs.description,
    }
