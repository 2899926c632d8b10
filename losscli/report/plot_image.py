"""Curves and histograms as a picture, with the optional extra `plot`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losscli.errors import UsageError
from losscli.report.curve_report import title_of
from losscli.report.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from losscli.engine.result import Curves, Result

EXTENSIONS = (".png", ".svg")

SETTINGS = {
    "axes.edgecolor": "0.4",
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 11,
    "grid.color": "0.9",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "svg.fonttype": "none",  # text that can be searched and edited
    "svg.hashsalt": "losscli",  # the same picture is the same file
}

LINES = ("-", "--", ":", "-.")
"""The curves differ by their dashes too, for eyes and printers that see no colours."""


class PlotFile:
    """A picture that is either complete or not there.

    Raises:
        UsageError: If the extension names no kind of picture, or the extra is not installed.
        OutputError: If what stands at `path` cannot be written.
    """

    def __init__(self, path: str, *, inputs: Sequence[str] = ()) -> None:
        extension = Path(path).suffix.lower()
        if extension not in EXTENSIONS:
            raise UsageError(
                f"{path}: the extension names no kind of picture",
                why=f"a plot ends in {' or '.join(EXTENSIONS)}",
                hint=f"--save-plot {Path(path).stem or 'curves'}.png",
            )
        # Files are drawn without any; one that is unknown here, as of another machine, would stop the import.
        os.environ.pop("MPLBACKEND", None)
        try:
            import matplotlib.figure  # noqa: F401 - whether it is there
        except ImportError as error:
            raise UsageError(
                "--save-plot needs matplotlib, which is not installed",
                why="it comes with the optional extra `plot`",
                hint="pip install 'losscli[plot]'; --plot draws in the terminal without it",
            ) from error
        self._place = Place(path, option="--save-plot")
        self._place.refuse_inputs(inputs)
        self._format = extension.removeprefix(".")

    def save(self, draw: Callable[[Any], None]) -> None:
        """Have the axes drawn on, and put the picture in its place."""
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        with rc_context(SETTINGS):
            figure = Figure(figsize=(8, 5), layout="constrained")
            axes = figure.add_subplot()
            draw(axes)
            try:
                with self._place.errors():
                    stream = self._place.open()
                    metadata = {"Date": None} if self._format == "svg" else None
                    figure.savefig(stream, format=self._format, dpi=150, metadata=metadata)
                    self._place.commit()
            finally:
                self._place.abandon()


def draw_curves(axes: Any, found: Curves) -> None:
    """A line for each loss."""
    for number, curve in enumerate(found.curves):
        order = found.predictions.argsort(kind="stable")
        style = "o" if len(order) == 1 else LINES[number % len(LINES)]
        axes.plot(found.predictions[order], curve.values[order], style, label=curve.label)
    axes.set_xlabel("prediction")
    axes.set_ylabel("loss")
    axes.set_title(title_of(found))
    axes.margins(x=0)
    axes.legend()


def draw_histogram(axes: Any, result: Result) -> None:
    """A bar for each bin of the losses of single samples."""
    histogram = result.histogram
    if histogram is None or not histogram.counts:
        axes.set_title(f"{result.loss}: there is no finite loss to draw")
        return
    left, right = histogram.edges[:-1], histogram.edges[1:]
    widths = [high - low for low, high in zip(left, right, strict=True)]
    axes.bar(left, histogram.counts, [0.96 * width for width in widths], align="edge")
    beyond = f", {histogram.nonfinite:,} more are not finite" if histogram.nonfinite else ""
    axes.set_xlabel(f"loss of a sample{f' ({result.unit})' if result.unit else ''}")
    axes.set_ylabel("samples")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_title(f"{result.loss}: {sum(histogram.counts):,} samples{beyond}")
    axes.margins(x=0)
    axes.grid(visible=False, axis="x")
    axes.set_axisbelow(True)
