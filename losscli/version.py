"""The version, alone, so that nothing is imported to tell it."""

__version__ = "0.1.0"
