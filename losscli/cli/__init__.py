"""The command line: parsing and wiring only."""

from losscli.cli.boundary import command_line, main

__all__ = ["command_line", "main"]
