"""`python -m losscli` is the command `losscli`."""

from losscli.cli import main

if __name__ == "__main__":
    main()
