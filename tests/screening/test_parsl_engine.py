"""Parsl gives the same table as a loop, also when a worker is killed."""

import os
import sys

import pytest

from ase_orbital.errors import OrbitalError, SettingError
from ase_orbital.screening import parsl_engine, screen
from ase_orbital.screening.parsl_engine import (
    ParslEngine,
    engine_from,
    local_config,
    slurm_config,
)

pytest.importorskip("parsl")
pytestmark = [  # Parsl leaves sockets open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def contents(folder):
    return [path.read_bytes() for path in sorted((folder / "shards").glob("*.parquet"))]


@pytest.mark.slow
def test_two_workers_of_which_one_is_killed_give_the_same_table(xyz, model, tmp_path):
    screen(xyz, model, tmp_path / "here", workers=1, shard_size=5, device="cpu")
    config = local_config(2, tmp_path / "parsl")
    config.executors[0].heartbeat_period = 1  # s, in which a lost worker is noticed
    engine = ParslEngine(config)
    killed = tmp_path / "killed"

    def killing(function, items):
        def killed_once(item):
            # While it works: Parsl's other workers hang if one dies waiting for work.
            import os
            import signal

            if not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return function(item)

        yield from engine(killed_once, items)

    results = screen(
        xyz, model, tmp_path / "there", engine=killing, shard_size=5, device="cpu"
    )
    assert killed.exists()
    assert results.complete
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


# A queue that starts a job at once, beside the program that submits it.
SLURM = {
    "sbatch": """#!/bin/bash
cp "$1" "$SPOOL/job.sh"
SLURM_JOB_NAME=job SLURM_CPUS_ON_NODE=2 SLURM_JOB_NUM_NODES=1 \\
    setsid bash "$1" > "$SPOOL/job.log" 2>&1 &
echo $! > "$SPOOL/job"
echo "Submitted batch job 17"
""",
    "srun": """#!/bin/bash
echo "$@" > "$SPOOL/srun"
while [ "$1" != bash ]; do shift; done
exec "$@"
""",
    "sacct": "#!/bin/bash\nexit 1\n",
    "squeue": "#!/bin/bash\necho '17 R'\n",
    "scancel": """#!/bin/bash
kill -- -$(cat "$SPOOL/job")
""",
}


def test_a_queue_of_slurm_does_the_work(xyz, model, tmp_path, monkeypatch):
    for name, text in SLURM.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SPOOL", str(tmp_path))
    config = slurm_config(
        nodes=1, workers_per_node=1, walltime="00:10:00", folder=tmp_path / "parsl"
    )
    config.initialize_logging = False
    config.executors[0].address = "127.0.0.1"
    results = screen(
        xyz,
        model,
        tmp_path / "out",
        engine=ParslEngine(config),
        shard_size=20,
        device="cpu",
    )
    assert results.complete
    screen(xyz, model, tmp_path / "here", workers=1, shard_size=20, device="cpu")
    assert contents(tmp_path / "out") == contents(tmp_path / "here")
    assert "--ntasks 1 -l --cpus-per-task=1" in (tmp_path / "srun").read_text()
    assert "#SBATCH --time=10\n" in (tmp_path / "job.sh").read_text()


def test_the_number_of_workers_bounds_what_is_submitted():
    assert parsl_engine._n_workers(local_config(3).executors[0]) == 3
    config = slurm_config(nodes=8, nodes_per_job=2, workers_per_node=4, walltime="01:00:00")
    assert parsl_engine._n_workers(config.executors[0]) == 32


def test_a_job_of_slurm_asks_for_what_was_said(tmp_path):
    config = slurm_config(
        nodes=3,
        nodes_per_job=2,
        workers_per_node=4,
        gpus_per_node=4,
        walltime="01:00:00",
        partition="gpu",
        account="mine",
        worker_init="module load python",
        folder=tmp_path,
    )
    (executor,) = config.executors
    provider = executor.provider
    assert [provider.partition, provider.account, provider.walltime] == [
        "gpu",
        "mine",
        "01:00:00",
    ]
    assert [provider.nodes_per_block, provider.max_blocks] == [2, 2]
    assert "module load python" in provider.worker_init
    assert executor.available_accelerators == ["0", "1", "2", "3"]
    assert config.retries == 2


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "parsl", None)
    with pytest.raises(OrbitalError, match=r"pip install 'ase-orbital\[screen\]'"):
        ParslEngine(None)


def test_a_file_without_a_config_is_an_error(tmp_path):
    (tmp_path / "config.py").write_text(
        "from ase_orbital.screening.parsl_engine import *\nconfig = local_config(1)"
    )
    assert engine_from(str(tmp_path / "config.py"), 1, tmp_path).config.retries == 2
    (tmp_path / "other.py").write_text("x = 1")
    (tmp_path / "wrong.py").write_text("config = local_config(")
    (tmp_path / "lacking.py").write_text("import no_such_module")
    for name in ("other.py", "absent.py", "wrong.py", "lacking.py"):
        with pytest.raises(SettingError, match="is no Python file that defines `config`"):
            engine_from(str(tmp_path / name), 1, tmp_path)
    (tmp_path / "number.py").write_text("config = 3")
    with pytest.raises(SettingError, match=r"must be a parsl\.config\.Config, not 3"):
        engine_from(str(tmp_path / "number.py"), 1, tmp_path)
