"""The job script for SLURM, run as an array by a stand-in for sbatch."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ase_orbital.screening import Results, convert, screen

SCRIPT = Path(__file__).parents[2] / "docs/how-to/screen.sbatch"
# What sbatch does with a script: it takes options from the command and the script, and runs
# a copy, once for each task of the array, with variables that say which it is.
SBATCH = """#!/bin/bash
set -eu
range=${1#--array=}; shift
script=$1; shift
cpus=$(sed -n 's/^#SBATCH --cpus-per-task=//p' "$script")
cp "$script" "$SPOOL/slurm_script"
status=0
for task in $(seq "${range%-*}" "${range#*-}"); do
    SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=$((${range#*-} - ${range%-*} + 1)) \\
        SLURM_CPUS_PER_TASK=$cpus bash "$SPOOL/slurm_script" "$@" || status=$?
done
exit $status
"""
# A fast `ase-orbital`, which takes the arguments that the real one takes.
COMMAND = """#!/bin/bash
exec {python} -c 'import sys; from ase_orbital.cli.main import main; sys.exit(main())' "$@"
"""


@pytest.fixture
def cluster(tmp_path):
    """Environment with sbatch, and with the command of this interpreter."""
    for name, text in {
        "sbatch": SBATCH,
        "ase-orbital": COMMAND.format(python=sys.executable),
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "SPOOL": str(tmp_path)}


def test_an_array_of_jobs_fills_one_folder(xyz, model, cluster, tmp_path):
    (tmp_path / "run").mkdir()
    script = re.sub(r"cpus-per-task=\d+", "cpus-per-task=1", SCRIPT.read_text())
    (tmp_path / "run/screen.sbatch").write_text(script)
    output = tmp_path / "run/results of today"
    source = tmp_path / "salts.parquet"
    convert(xyz, source, workers=1)
    options = ["-m", model, "--shard-size", "20", "--device", "cpu"]
    done = subprocess.run(
        ["sbatch", "--array=0-1", "screen.sbatch", source, output.name, *options],
        cwd=tmp_path / "run",
        env=cluster,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = Results(output)
    assert results.complete
    assert results.n_shards == 3
    screen(source, model, tmp_path / "here", workers=1, shard_size=20, device="cpu")
    for path in sorted((output / "shards").glob("*.parquet")):
        assert path.read_bytes() == (tmp_path / "here/shards" / path.name).read_bytes()
