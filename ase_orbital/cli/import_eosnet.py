"""ase-orbital import-eosnet: convert a published checkpoint into a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ase_orbital.properties import PROPERTIES

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint", type=Path, help="model_best.pth.tar from the authors of EOSNet"
    )
    parser.add_argument("--property", required=True, choices=PROPERTIES)
    edges = parser.add_mutually_exclusive_group(required=True)
    edges.add_argument(
        "--normalized-edges",
        action="store_true",
        help="each distance filter was divided by its norm: up to November 2024",
    )
    edges.add_argument(
        "--plain-edges",
        action="store_true",
        help="distance filters were not normalized: since December 2024",
    )
    parser.add_argument(
        "--smoothing",
        type=float,
        metavar="Å",
        help="weight neighbors smoothly, with this width (default: exactly the nearest)",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to create")


def run(arguments: Namespace) -> None:
    from ase_orbital.zoo.published import import_eosnet

    model = import_eosnet(
        arguments.checkpoint,
        property=arguments.property,
        normalized_edges=arguments.normalized_edges,
        smoothing=arguments.smoothing,
    )
    model.save(arguments.output, metadata={"imported_from": arguments.checkpoint.name})
    size = f"{model.num_parameters} weights"
    print(f"{arguments.output}: EOSNet for {model.property_name}, {size}")
