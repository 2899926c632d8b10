"""The least a command line in Typer can do with two files: load them with NumPy, and print."""

import numpy as np
import typer


def main(predictions: str, targets: str) -> None:
    difference = np.load(predictions) - np.load(targets)
    print(float((difference * difference).mean()))


if __name__ == "__main__":
    typer.run(main)
