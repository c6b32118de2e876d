"""Screen on many machines, with Parsl and its HighThroughputExecutor.

Parsl starts the workers, by itself or through a queue such as SLURM's, gives each one shard
after another, and repeats a shard whose worker was lost. A worker loads the models once.
The inputs and the output folder have to be on a file system that all machines share.
"""

from __future__ import annotations

import runpy
import sys
from concurrent.futures import FIRST_COMPLETED, wait
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from ase_orbital.errors import OrbitalError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

T = TypeVar("T")
R = TypeVar("R")

LOCAL = "local"
AHEAD = 2  # shards for each worker that are submitted before their results are taken
POOL = "parsl.executors.high_throughput.process_worker_pool"
INTERCHANGE = "parsl.executors.high_throughput.interchange"


class ParslEngine:
    """Engine for `screen`.

    Parameters
    ----------
    config
        A `parsl.config.Config`, such as that of `local_config` or `slurm_config`. Its
        `retries` are the number of times that a shard is tried again.

    Raises
    ------
    OrbitalError
        If Parsl is not installed.
    SettingError
        If it is another object.
    """

    def __init__(self, config: Any) -> None:
        if not isinstance(config, _parsl().Config):
            raise SettingError(f"config must be a parsl.config.Config, not {config!r}")
        self.config = config

    def __call__(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R]:
        """Apply a function to each item; yield results as they come.

        Two items for each worker are submitted at a time, so that memory stays flat.
        """
        parsl = _parsl()
        todo = iter(items)
        with parsl.DataFlowKernel(self.config) as kernel:
            app = parsl.python_app(_call, data_flow_kernel=kernel)
            most = AHEAD * max(1, sum(map(_n_workers, self.config.executors)))
            running = {app(function, item) for item in islice(todo, most)}
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield future.result()
                running |= {app(function, item) for item in islice(todo, len(ended))}


def local_config(workers: int, folder: str | Path = "runinfo") -> Any:
    """Make a configuration for processes on this machine.

    Parameters
    ----------
    workers
        Number of processes.
    folder
        For the logs of Parsl.
    """
    from parsl.providers import LocalProvider

    _parsl()
    provider = LocalProvider(init_blocks=1, max_blocks=1, worker_init=ONE_THREAD)
    config = _config(provider, workers, folder, address="127.0.0.1")
    config.initialize_logging = False  # it would leave a file open
    return config


def slurm_config(
    *,
    nodes: int,
    workers_per_node: int,
    walltime: str,
    gpus_per_node: int = 0,
    cpus_per_node: int | None = None,
    nodes_per_job: int = 1,
    partition: str | None = None,
    account: str | None = None,
    scheduler_options: str = "",
    worker_init: str = "",
    folder: str | Path = "runinfo",
) -> Any:
    """Make a configuration for nodes that SLURM gives.

    Parameters
    ----------
    nodes, nodes_per_job
        Number of nodes in all, and of those that one job asks for.
    workers_per_node
        Processes on a node: one for each core or, with GPUs, for each GPU.
    walltime
        Of a job, such as "02:00:00". Shards that a job leaves unfinished are done by
        others.
    gpus_per_node
        If there are any, each worker sees one of them.
    cpus_per_node
        CPUs that a node gives to its workers; None for one each.
    partition, account
        As for sbatch.
    scheduler_options
        Further lines of the job script, such as "#SBATCH --constraint=gpu".
    worker_init
        Shell commands that prepare the environment on a node.
    folder
        For job scripts and logs, on the shared file system.
    """
    from parsl.launchers import SrunLauncher
    from parsl.providers import SlurmProvider

    _parsl()
    cpus = cpus_per_node or workers_per_node
    provider = SlurmProvider(
        partition=partition,
        account=account,
        nodes_per_block=nodes_per_job,
        gpus_per_node=gpus_per_node or None,
        cores_per_node=cpus,
        init_blocks=-(-nodes // nodes_per_job),
        max_blocks=-(-nodes // nodes_per_job),
        walltime=walltime,
        scheduler_options=scheduler_options,
        worker_init=f"{ONE_THREAD}\n{worker_init}",
        launcher=SrunLauncher(overrides=f"--cpus-per-task={cpus}"),
    )
    return _config(provider, workers_per_node, folder, available_accelerators=gpus_per_node)


def engine_from(text: str, workers: int, folder: Path) -> ParslEngine:
    """Engine for the command line: "local", or a Python file that defines `config`.

    Raises SettingError if the file defines none.
    """
    if text == LOCAL:
        return ParslEngine(local_config(workers, folder))
    try:
        config = runpy.run_path(text)["config"]
    except Exception as error:  # a file of Python can raise any
        raise SettingError(
            f"{text} is no Python file that defines `config`, a parsl.config.Config "
            f"({type(error).__name__}: {error})"
        ) from error
    return ParslEngine(config)


ONE_THREAD = "export OMP_NUM_THREADS=1"


def _config(provider: Any, workers: int, folder: str | Path, **options: Any) -> Any:
    from parsl.config import Config
    from parsl.executors import HighThroughputExecutor
    from parsl.executors.high_throughput.executor import DEFAULT_LAUNCH_CMD

    # The interpreter of this environment, which need not be on the PATH.
    _, _, arguments = DEFAULT_LAUNCH_CMD.partition(" ")
    executor = HighThroughputExecutor(
        label="screening",
        max_workers_per_node=workers,
        provider=provider,
        launch_cmd=f"{sys.executable} -m {POOL} {arguments}",
        interchange_launch_cmd=[sys.executable, "-m", INTERCHANGE],
        **options,
    )
    return Config(executors=[executor], retries=2, run_dir=str(folder), strategy="none")


def _n_workers(executor: Any) -> int:
    """Most workers that an executor has at a time."""
    provider = getattr(executor, "provider", None)
    nodes = getattr(provider, "nodes_per_block", 1) * getattr(provider, "max_blocks", 1)
    each = getattr(executor, "max_workers_per_node", 1)
    return int(nodes * (each if isinstance(each, int) else 1))


def _call(function: Callable[[T], R], item: T) -> R:
    return function(item)


def _parsl() -> Any:
    try:
        import parsl
    except ImportError as error:
        raise OrbitalError("Parsl is missing: pip install 'ase-orbital[screen]'") from error
    return parsl
