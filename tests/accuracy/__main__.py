"""Measures the worst error of each loss over the corpus, beside its peers, and keeps it: `make accuracy`.

The table goes into README.md by `make docs`, which reads what is kept here and needs neither mpmath nor a peer.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "losses"))  # the references of its tests

from accuracy_table import Table, as_page, keep  # noqa: E402
from answers import ours, rounding, rows_of, theirs  # noqa: E402
from corpus import corpus  # noqa: E402

PEERS = {"torch": "PyTorch", "tensorflow": "TensorFlow", "optax": "optax", "sklearn": "scikit-learn"}


def main() -> int:
    """Print the table and keep it, if the peers are in it; 1 if losscli misses a bar."""
    parser = argparse.ArgumentParser(prog="make accuracy", description=__doc__)
    parser.add_argument("--peers", help="the Python that has the peers; without it, losscli stands alone")
    asked = parser.parse_args()
    calls = list(corpus())
    columns = {"losscli": ours(calls)}
    versions = {}
    if asked.peers:
        for peer, title in PEERS.items():
            columns[title], versions[title] = theirs(asked.peers, peer, calls)
    table = Table(versions, rows_of(calls, columns), *rounding(calls))
    if asked.peers:
        keep(table)
    print(as_page(table), end="")
    return 0 if table.met else 1


if __name__ == "__main__":
    sys.exit(main())
