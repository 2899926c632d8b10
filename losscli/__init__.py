"""losscli: a loss calculator that can be trusted, from saved predictions and targets.

    >>> import losscli
    >>> losscli.cross_entropy([[2.0, 1.0], [0.0, 3.0]], [0, 1])
    0.18092451954598243
    >>> losscli.compute("nll", "preds.npy", "labels.npy").value  # doctest: +SKIP

Every loss of `losscli list` is a function here, made from the catalogue on first use.
"""

from __future__ import annotations

from typing import Any

from losscli.version import __version__ as __version__

_FROM_THE_ENGINE = {
    "compute": "api",
    "LossWarning": "api",
    "Result": "result",
    "likelihood": "likelihood",
    "mle": "likelihood",
}
_FROM_THE_ERRORS = ("LosscliError", "UsageError", "DataError", "OutputError")


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `import losscli` itself stays light."""
    if name == "__all__":
        return [each for each in __dir__() if each != "__version__"]
    if name in _FROM_THE_ERRORS:
        from losscli import errors

        return getattr(errors, name)
    if name in _FROM_THE_ENGINE:
        from importlib import import_module

        return getattr(import_module(f"losscli.engine.{_FROM_THE_ENGINE[name]}"), name)
    if not name.startswith("_"):
        from losscli.losses.catalogue import catalogue

        for loss in catalogue().values():
            if loss.function == name:
                from losscli.engine.api import function_of

                function = globals()[name] = function_of(loss)
                return function
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    from losscli.losses.catalogue import catalogue

    losses = [loss.function for loss in catalogue().values()]
    return sorted(["__version__", *_FROM_THE_ENGINE, *_FROM_THE_ERRORS, *losses])
