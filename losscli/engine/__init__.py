"""Blocks through a loss to a Result: what is asked for, how it is run, how it is reduced."""
