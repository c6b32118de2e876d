"""python -m tests.benchmarks.searches: measure what parts of this package save a search."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from ase_orbital.numerics.interpreter import interpreter

from . import comparators, forces, measured, results
from .known import ground_state, known_structures
from .potentials import POTENTIALS, load_potential
from .search import METHODS, Search
from .systems import SYSTEMS
from .variants import VARIANTS, model_label

RECORD = Path(__file__).parent / "record"


def main() -> None:
    """Run the searches that have no result yet, or print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.searches", description=__doc__
    )
    parser.add_argument(
        "--runs", type=Path, default=RECORD, metavar="FOLDER",
        help="folder of the results, to which every search appends one line "
        "(default: the record in the repository)",
    )  # fmt: skip
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=[*SYSTEMS])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=[*VARIANTS])
    parser.add_argument("--seeds", type=int, default=10, help="number of seeds")
    parser.add_argument("--potential", choices=POTENTIALS, default="chgnet")
    parser.add_argument("--budget", type=int, default=1000, help="evaluations of a search")
    parser.add_argument(
        "--model", default="eosnet-formation-energy-mp2018",
        help="model of the formation energy, for the variants screened and prerelaxed",
    )  # fmt: skip
    parser.add_argument(
        "--table", action="store_true", help="print the tables of the results, and stop"
    )
    parser.add_argument(
        "--comparators", action="store_true",
        help="compare comparators instead, on pairs of known structures",
    )  # fmt: skip
    parser.add_argument(
        "--forces", action="store_true",
        help="compare forces of the model with those of the potential instead",
    )  # fmt: skip
    parser.add_argument(
        "--measured", action="store_true",
        help="compare formation energies of nine crystals with measured ones instead, "
        "those of CHGNet, SevenNet and the model",
    )  # fmt: skip
    arguments = parser.parse_args()
    todo = results.tasks(
        arguments.systems, arguments.methods, arguments.variants, range(arguments.seeds),
        potential=arguments.potential, budget=arguments.budget,
        model=model_label(arguments.model),
    )  # fmt: skip
    done = results.read(arguments.runs)
    if arguments.table:
        chosen = [done[task] for task in todo if task in done]
        for table in (results.summary(chosen), results.details(chosen, arguments.systems)):
            show(*table, "")
        return
    warnings.simplefilter("ignore")  # other packages emit many
    interpreter.disable()
    if arguments.measured:
        potentials = {name: load_potential(name) for name in ("chgnet", "7net-0")}
        show(*measured.table(potentials, arguments.model))
        return
    arguments.runs.mkdir(parents=True, exist_ok=True)
    potential = load_potential(arguments.potential)
    if arguments.comparators:
        every = [
            pair
            for system in arguments.systems
            for pair in comparators.pairs(
                comparators.relaxed_copies(
                    system, arguments.potential, potential, arguments.runs
                )
            )
        ]
        show(*comparators.table(every))
        return
    if arguments.forces:
        show(*forces.table(arguments.systems, potential, arguments.model))
        return
    for number, task in enumerate(todo):
        if task in done:
            continue
        formula = SYSTEMS[task.system].formula
        known = known_structures(
            task.system, arguments.potential, potential, arguments.runs
        )
        search = Search(
            formula, ground_state(known, formula), potential,
            budget=task.budget, variant=task.variant, model=arguments.model, seed=task.seed,
        )  # fmt: skip
        outcome = search.run(task.method)
        results.append(arguments.runs, task, outcome)
        show(f"{number + 1} of {len(todo)}: {task} {outcome}")


def show(*lines: str) -> None:
    """Print lines at once, also if the output is a file."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
