"""`python -m losscli` is the command `losscli`, in an interpreter that ends as usual: profilers need that."""

import sys

from losscli.cli import command_line

if __name__ == "__main__":
    sys.exit(command_line())
