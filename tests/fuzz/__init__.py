"""Damaged files and random options against losscli: `python -m tests.fuzz --cases 1000 --seed 1`."""
