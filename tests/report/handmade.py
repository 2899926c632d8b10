"""Text that means harm, and samples and blocks made by hand."""

import numpy as np

from losscli.engine.result import Samples, Scored
from losscli.report.markdown import MarkdownPage
from losscli.report.page import new_page
from losscli.report.table import draw_result

HOSTILE = "[red]x[/oops]\x1b[31m\n\u202eend\x07\x7f\x9b"


def read_only(values, dtype=None) -> np.ndarray:
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


def samples_of(loss, *, start: int = 0, **more) -> Samples:
    loss = read_only(loss, np.float64)
    number = read_only(np.arange(start, start + len(loss)))
    return Samples({"sample": number, "loss": loss, "weight": read_only(np.ones(len(loss))), **more})


def block_of(loss, *, start: int = 0, **more) -> Scored:
    """A block whose elements are the entries of `loss`, each of weight 1."""
    loss = read_only(loss, np.float64)
    per_sample = loss.reshape(len(loss), -1)
    samples = samples_of(per_sample.sum(axis=1), start=start, **more)
    return Scored(start, loss, read_only(np.ones(loss.shape)), samples)


def render_table(result, **terminal) -> str:
    """The tables of a result for a terminal, or for none."""
    page = new_page(**terminal)
    draw_result(page, result)
    return page.text()


def render_markdown(result) -> str:
    """The same as Markdown."""
    page = MarkdownPage()
    draw_result(page, result)
    return page.text()
