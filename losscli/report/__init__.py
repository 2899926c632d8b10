"""A result as JSON, a table, lines, a bare number or a file. Each view is imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from losscli.report.error_report import format_error, format_warning
    from losscli.report.files import OutputFile, OutputSink, open_file, open_output
    from losscli.report.json_report import dumps, to_json
    from losscli.report.lines import CsvLines, CsvSink, JsonLines, JsonLinesSink
    from losscli.report.schemas import schema
    from losscli.report.value import format_value

__all__ = [
    "CsvLines",
    "CsvSink",
    "JsonLines",
    "JsonLinesSink",
    "OutputFile",
    "OutputSink",
    "dumps",
    "format_error",
    "format_value",
    "format_warning",
    "open_file",
    "open_output",
    "schema",
    "to_json",
]

_MODULES = {
    "CsvLines": "lines",
    "CsvSink": "lines",
    "JsonLines": "lines",
    "JsonLinesSink": "lines",
    "OutputFile": "files",
    "OutputSink": "files",
    "dumps": "json_report",
    "format_error": "error_report",
    "format_value": "value",
    "format_warning": "error_report",
    "open_file": "files",
    "open_output": "files",
    "schema": "schemas",
    "to_json": "json_report",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
