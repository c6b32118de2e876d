"""Arithmetic of the tables, and results that outlive a killed process."""

import pytest

from .results import (
    FILE,
    Task,
    append,
    details,
    interval,
    per_success,
    read,
    summary,
    tasks,
)

OUTCOME = {"found": True, "evaluations": 100, "processor": 5.0, "lowest": 0.001}


def record(variant, seed, *, found, evaluations, method="random", system="MgO"):
    task = Task(system, method, variant, seed, "emt", 1000)
    costs = {"evaluations": evaluations, "processor": evaluations / 10}
    return {**vars(task), "found": found, "lowest": 0.25, **costs}


def test_wilsons_interval_is_that_of_the_textbook():
    # Newcombe, Stat. Med. 17, 857 (1998), table I: 81 of 263, and 0 of 20.
    assert interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_failed_runs_count_in_the_cost_of_a_success():
    runs = [record("plain", 0, found=True, evaluations=200),
            record("plain", 1, found=False, evaluations=1000)]  # fmt: skip
    assert per_success(runs, "evaluations") == 1200
    assert per_success(runs[1:], "evaluations") is None


def test_variants_are_compared_on_shared_seeds():
    runs = [
        record("plain", 0, found=True, evaluations=200),
        record("plain", 1, found=False, evaluations=1000),
        record("archive", 0, found=True, evaluations=100),
    ]
    rows = summary(runs)[2:]
    assert [row.split(" | ")[1:4] for row in rows] == [
        ["plain", "1", "1"], ["archive", "1", "1"],
    ]  # fmt: skip
    assert "| 100 | 0.50 | 10 s |" in rows[1]


def test_a_row_says_how_many_of_how_many_seeds():
    runs = [record("plain", seed, found=seed < 3, evaluations=100 * seed + 50)
            for seed in range(5)]  # fmt: skip
    row = details(runs, ["NaCl", "MgO"])[2]
    assert row == "| MgO | random | 3 of 5, 150 |  |  |  |  | +0.250 |"


def test_a_line_cut_off_by_a_kill_is_done_again(tmp_path):
    first, second, third = tasks(
        ["MgO"], ["random"], ["plain"], range(3), potential="emt", budget=10, model="m"
    )
    append(tmp_path, first, OUTCOME)
    append(tmp_path, second, OUTCOME)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-20])
    assert set(read(tmp_path)) == {first}
    append(tmp_path, third, OUTCOME)
    assert set(read(tmp_path)) == {first, third}


def test_results_of_other_weights_are_other_results(tmp_path):
    kinds = {"potential": "emt", "budget": 10}
    old, new = (
        tasks(["MgO"], ["random"], ["plain", "screened"], [0], model=model, **kinds)
        for model in ("m@1", "m@2")
    )
    for task in old:
        append(tmp_path, task, OUTCOME)
    done = read(tmp_path)
    assert [task in done for task in new] == [True, False]
