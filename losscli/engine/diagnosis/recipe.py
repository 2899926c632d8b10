"""The commands that lead to a loss: perhaps a step that writes a corrected file, then `losscli` itself.

Everything here is text for a shell, and must work when it is pasted into one.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from losscli.data.locate import is_file, split_member
from losscli.data.model import FORMATS_OF, Field, ReadOptions

WITHOUT = {("sequence-nll", "--class-axis")}
"""Losses and options that they lack, because they need none."""


@dataclass(frozen=True)
class Operand:
    """A file on a command line: its name, the option that names its columns, and Python that loads it.

    `load` is None where no short expression does: for streams, folders and addresses. `implied` columns are those
    that a loss takes by itself beside targets of the same table; they are `whole` where they are all that there are.
    """

    name: str
    columns: tuple[str, ...] = ()
    load: str | None = None
    imports: str = ""
    implied: bool = False
    format: str = "npy"
    whole: bool = True


class Recipe:
    """The command that would work, which grows while faults are found."""

    def __init__(self, predictions: Operand, targets: Operand, read: ReadOptions) -> None:
        self.predictions = predictions
        self.targets = targets
        self.options: dict[str, tuple[str, ...]] = {}
        self.steps: list[str] = []
        self.possible = True
        self.lacking: str | None = None
        """What a step would have to load, and cannot."""
        self._read = read

    def add(self, option: str, *values: str) -> None:
        """Add an option, in place of what it was given before."""
        self.options[option] = values

    def read_first_row(self, as_: Literal["header", "data"]) -> None:
        """Say what the first row of text is."""
        self._read = replace(self._read, header="yes" if as_ == "header" else "no")

    def name_all_columns(self, role: str) -> None:
        """Take all columns of a file, whatever they are called; there is no command if it was to be some of them."""
        operand: Operand = getattr(self, role)
        self.possible = self.possible and operand.whole
        setattr(self, role, replace(operand, columns=()))

    def rewrite(self, role: str, suffix: str, code: str) -> None:
        """Add a step that saves what `code` makes of the array `x`, and use the new file from there on."""
        operand: Operand = getattr(self, role)
        if operand.load is None:
            self._give_up(operand)
            return
        name = _fresh(operand.name, suffix)
        self.steps.append(
            _python(operand.imports, f"x = {operand.load}; {code.replace('SAVE', f'np.save({_literal(name)}, ')}")
        )
        setattr(self, role, _saved(name))

    def keep_rows(self, condition: str) -> None:
        """Add a step that saves the rows of both files for which `condition` on `p` and `t` holds."""
        both = (self.predictions, self.targets)
        for operand in both:
            if operand.load is None:
                self._give_up(operand)
                return
        names = [_fresh(operand.name, "_kept") for operand in both]
        if names[0] == names[1]:
            names = [_fresh(both[0].name, "_kept_preds"), _fresh(both[1].name, "_kept_labels")]
        imports = "; ".join(dict.fromkeys(operand.imports for operand in both if operand.imports))
        saves = "; ".join(f"np.save({_literal(name)}, {x}[k])" for name, x in zip(names, "pt", strict=True))
        code = f"p = {both[0].load}; t = {both[1].load}; k = {condition}; {saves}"
        self.steps.append(_python(imports, code))
        self.predictions, self.targets = _saved(names[0]), _saved(names[1])

    def _give_up(self, operand: Operand) -> None:
        self.possible, self.lacking = False, operand.name

    def command(self, loss: str) -> str:
        """The command line of a loss."""
        options = {name: values for name, values in self.options.items() if (loss, name) not in WITHOUT}
        one_table = self.targets.name == self.predictions.name and bool(self.targets.columns)
        words = ["losscli", loss, shell_word(self.predictions.name)]
        if not one_table:
            words.append(shell_word(self.targets.name))
        if not (one_table and self.predictions.implied):
            words += map(shell_word, self.predictions.columns)
        words += map(shell_word, self.targets.columns)
        words += [shell_word(word) for option, values in options.items() for word in (option, *values)]
        read = _without_idle(self._read, (self.predictions.format, self.targets.format))
        return " ".join([*words, *map(shell_word, read_words(read))])


def operand_of(
    spec: str,
    field: Field,
    columns: Sequence[str],
    read: ReadOptions,
    *,
    implied: bool = False,
    misread: bool = False,
) -> Operand:
    """A file as the user named it; `columns` are the words that choose columns of it.

    `misread` means that the first row of a text is data where it was read as a header, or the other way round.
    """
    load, imports = _loader(spec, field, read, misread)
    return Operand(
        "./" + spec if spec.startswith("-") and spec != "-" else spec,
        tuple(columns),
        load,
        imports,
        implied,
        field.info.format,
        field.info.columns == field.source.columns,
    )


def _without_idle(read: ReadOptions, formats: Sequence[str]) -> ReadOptions:
    """The options without those that no file of these formats is read by: a step saves text as an array."""
    idle = [name for name, meant in FORMATS_OF.items() if not any(form in meant for form in formats)]
    return replace(read, **{name: getattr(ReadOptions(), name) for name in idle})


def read_words(read: ReadOptions) -> list[str]:
    """The options that say how to read, as they were given."""
    words = []
    if read.input_format is not None:
        words += ["--input-format", read.input_format]
    if read.header != "auto":
        words.append("--header" if read.header == "yes" else "--no-header")
    if read.delimiter is not None:
        words += ["--delimiter", read.delimiter]
    if read.decimal != ".":
        words += ["--decimal", read.decimal]
    if read.input_dtype is not None:
        words += ["--input-dtype", read.input_dtype]
    return words


def shell_word(text: str) -> str:
    """The text as one word of bash, without a character that would move the cursor."""
    if text.isprintable():
        return shlex.quote(text)
    letters = (
        letter if letter.isprintable() and letter not in "'\\" else "".join(f"\\x{b:02x}" for b in os.fsencode(letter))
        for letter in text
    )
    return f"$'{''.join(letters)}'"


def _saved(name: str) -> Operand:
    return Operand(name, (), f"np.load({_literal(name)})")


def _python(imports: str, code: str) -> str:
    return f"python3 -c {shlex.quote('; '.join(part for part in ('import numpy as np', imports, code) if part))}"


def _literal(text: str) -> str:
    """The text as a Python string, in double quotes where that is easy on a shell."""
    plain = text.isascii() and text.isprintable() and not set(text) & set("\"'\\")
    return f'"{text}"' if plain else ascii(text)


def _fresh(path: str, suffix: str) -> str:
    """A name in the current folder that no file has yet."""
    stem = os.path.basename(split_member(path)[0]).split(".")[0].lstrip("-")
    if not stem or not (stem.isascii() and stem.isprintable()):
        stem = "array"
    name, number = f"{stem}{suffix}.npy", 2
    while os.path.lexists(name):
        name, number = f"{stem}{suffix}_{number}.npy", number + 1
    return name


def _loader(spec: str, field: Field, read: ReadOptions, misread: bool) -> tuple[str | None, str]:
    """A Python expression for the array that a field holds, and what it imports."""
    path, member = (spec, None) if os.path.lexists(spec) else split_member(spec)
    if not is_file(path):
        return None, ""
    if read.input_dtype is not None and field.info.dtype == "float32":  # it may be bfloat16, which NumPy cannot load
        return None, ""
    name = _literal(path)
    if field.info.format == "npy":
        return (f"np.load({name})" if not path.endswith((".gz", ".gzip", ".zst", ".zstd")) else None), ""
    if field.info.format == "npz":
        return (f"np.load({name})[{_literal(member)}]" if member else f"next(iter(np.load({name}).values()))"), ""
    table, imports = _table(name, field, read, misread)
    columns = field.info.columns or ()
    if len(columns) > 1:
        return f"np.column_stack({table}.select([{', '.join(map(_literal, columns))}]).columns)", imports
    column = f"{table}[{_literal(columns[0])}]"
    return (f"np.stack({column}.to_numpy())" if field.info.shape[1:] else f"{column}.to_numpy()"), imports


def _table(name: str, field: Field, read: ReadOptions, misread: bool) -> tuple[str, str]:
    match field.info.format:
        case "parquet":
            return f"pq.read_table({name})", "import pyarrow.parquet as pq"
        case "arrow":
            return f"feather.read_table({name})", "import pyarrow.feather as feather"
        case "csv" | "tsv" as form:
            mark = read.delimiter or ("\t" if form == "tsv" else ",")
            options = ""
            if field.first_row == "data" or misread:
                names = ", ".join(map(_literal, field.source.columns or ()))
                skip = ", skip_rows=1" if field.first_row == "data" and misread else ""
                options += f", csv.ReadOptions(column_names=[{names}]{skip})"
            if mark != ",":
                options += f", parse_options=csv.ParseOptions(delimiter={_literal(mark)})"
            if read.decimal != ".":
                options += f", convert_options=csv.ConvertOptions(decimal_point={_literal(read.decimal)})"
            return f"csv.read_csv({name}{options})", "from pyarrow import csv"
    return f"json.read_json({name})", "import pyarrow.json as json"
