"""The command that compares a device with the CPU runs before there is such a device."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_row_of_a_small_set_is_measured():
    command = [sys.executable, "-m", "tests.benchmarks", "--device", "cpu:0",
               "--atoms", "10", "--repetitions", "1"]  # fmt: skip
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    rows = [line for line in done.stdout.splitlines() if " x 5 atoms |" in line]
    subjects = {line.split("|")[1].partition(",")[0].strip() for line in rows}
    assert subjects == {
        "GOM(s).create_many", "GOM(sp).create_many", "three EOSNets", "three OCrystalNets",
        "predict_many", "EOSNet epoch", "OCrystalNet epoch",
    }  # fmt: skip
    assert all(float(line.split("|")[5].strip(" x")) > 0.0 for line in rows)
