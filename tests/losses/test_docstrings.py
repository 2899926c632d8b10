"""What `explain` and the help are made of: every loss says all of it, and its example is true."""

from __future__ import annotations

import doctest
import inspect
import re
import shlex
import sys
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from reading import ROOT

import losscli
from losscli.errors import UsageError
from losscli.losses.catalogue import HEADINGS, catalogue, find, normalized, parse_docstring

LOSSES = list(catalogue().values())


@pytest.fixture(params=LOSSES, ids=lambda loss: loss.name)
def loss(request):
    return request.param


def test_headings_are_complete_and_in_order(loss):
    expected = [h for h in HEADINGS if h != "Options" or loss.own_options]
    assert list(loss.sections) == expected
    assert all(text.strip() for text in loss.sections.values())


def test_summary_is_one_sentence(loss):
    assert re.fullmatch(r"[A-Z][^\n]*\.", loss.summary)


def test_options_are_described_and_no_others(loss):
    described = re.findall(r"^(\w+): ", loss.sections.get("Options", ""), flags=re.MULTILINE)
    assert tuple(described) == loss.own_options
    assert all(parameter.help.endswith(".") for parameter in loss.parameters)


def run_example(text, name):
    """Run an example; the report of what differs, if anything does."""
    test = doctest.DocTestParser().get_doctest(text, {"losscli": losscli, "np": np}, name, None, None)
    assert test.examples
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    return "".join(said)


def test_example_is_true(loss):
    assert run_example(loss.sections["Example"], loss.name) == ""


def test_example_of_the_package_is_true():
    assert run_example(losscli.__doc__, "losscli") == ""


def command(loss):
    """The files and the options of a loss's command."""
    program, name, *words = shlex.split(loss.sections["Command"].replace("\\\n", " "))
    assert (program, name) == ("losscli", loss.name)
    first = next((i for i, word in enumerate(words) if word.startswith("--")), len(words))
    names = [word[2:].replace("-", "_") for word in words[first::2]]
    return [ROOT / word for word in words[:first]], dict(zip(names, words[first + 1 :: 2], strict=True))


def test_command_of_the_docstring_runs(loss):
    files, options = command(loss)
    assert [file for file in files if not file.is_file()] == []
    assert np.isfinite(losscli.compute(loss.name, *map(str, files), **options).value)


def test_names_and_aliases_are_told_apart():
    """Two spellings of one loss may differ in separators only (`L1Loss`, `l1_loss`); two losses may not."""
    names = [name for loss in LOSSES for name in {normalized(n) for n in (loss.name, *loss.aliases)}]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    friends = {normalized(name) for loss in LOSSES for name in loss.false_friends}
    assert not friends & set(names)
    for loss in LOSSES:
        assert len({*loss.aliases, loss.name}) == len(loss.aliases) + 1


def test_every_alias_finds_its_loss(loss):
    for alias in loss.aliases:
        for spelling in (alias, alias.upper(), alias.replace("_", "-"), alias.replace("_", " ")):
            assert find(spelling) is loss


def test_false_friends_are_refused_and_explained(loss):
    for name, difference in loss.false_friends.items():
        with pytest.raises(losscli.UsageError, match=re.escape(difference)):
            find(name)


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(losscli.UsageError, match=r"did you mean cross-entropy\b"):
        find("cros-entropy")
    with pytest.raises(losscli.UsageError, match="losscli list"):
        find("zzzzzzzzzzz")


def test_formula_and_documents_are_stated(loss):
    assert re.match(r"(loss|perplexity) = ", loss.formula)
    assert loss.documents
    assert all(re.fullmatch(r"00\d", document) for document in loss.documents)


def test_help_of_the_function_is_that_of_the_catalogue(loss):
    function = getattr(losscli, loss.function)
    assert function.__name__ == loss.function
    assert inspect.getdoc(function) == inspect.getdoc(loss.kernel)
    parameters = inspect.signature(function).parameters
    assert list(parameters)[:2] == ["predictions", "targets"]
    for parameter in loss.parameters:
        assert parameters[parameter.name].default == parameter.default
        assert parameters[parameter.name].kind is inspect.Parameter.KEYWORD_ONLY


def test_without_docstrings_there_is_a_reason(monkeypatch):
    monkeypatch.setattr(sys, "flags", SimpleNamespace(optimize=1))
    summary, sections = parse_docstring(losscli.losses.regression.mse)
    assert summary
    assert set(sections) <= set(HEADINGS)
    monkeypatch.setattr(sys, "flags", SimpleNamespace(optimize=2))
    with pytest.raises(UsageError, match="Python leaves docstrings out"):
        parse_docstring(losscli.losses.regression.mse)
