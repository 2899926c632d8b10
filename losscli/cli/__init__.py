"""The command line: parsing and wiring only."""

from losscli.cli.boundary import main

__all__ = ["main"]
