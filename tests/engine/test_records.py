"""A record is what `dataclass(frozen=True)` makes of a class: each is held against its twin."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from losscli.records import record


def points(decorate):
    """A class of its own, decorated."""

    @decorate
    class Points:
        name: str
        size: int = 3
        tags: list[str] = dataclasses.field(default_factory=list)

        def __len__(self) -> int:
            return self.size

    return Points


RECORD, TWIN = points(record), points(dataclasses.dataclass(frozen=True))


@pytest.mark.parametrize(
    ("given", "named"), [(("a",), {}), (("a", 1), {}), (("a", 1, ["x"]), {}), ((), {"size": 0, "name": "b"})]
)
def test_records_are_filled_and_shown_as_dataclasses_are(given, named):
    ours, theirs = RECORD(*given, **named), TWIN(*given, **named)
    assert vars(ours) == vars(theirs)
    assert list(vars(ours)) == list(vars(theirs)) == ["name", "size", "tags"]
    assert repr(ours) == repr(theirs)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert len(ours) == len(theirs)


@pytest.mark.parametrize(
    ("given", "named"),
    [((), {}), ((), {"size": 1}), (("a",), {"name": "b"}), (("a",), {"no": 1}), (("a", 1, [], 2), {})],
)
def test_what_a_dataclass_refuses_a_record_refuses(given, named):
    for cls in (RECORD, TWIN):
        with pytest.raises(TypeError):
            cls(*given, **named)


def test_defaults_are_made_anew_for_each_record():
    one, other = RECORD("a"), RECORD("a")
    assert one.tags is not other.tags


def test_records_are_equal_by_class_and_values():
    assert RECORD("a") == RECORD("a", 3)
    assert RECORD("a") != RECORD("b")
    assert RECORD("a") != TWIN("a")
    frozen = ("a", 3, ())
    assert hash(RECORD(*frozen)) == hash(TWIN(*frozen)) == hash(RECORD(*frozen))
    with pytest.raises(TypeError, match="unhashable"):
        hash(RECORD("a"))


def test_records_cannot_be_changed_but_replaced():
    one = RECORD("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.name
    assert dataclasses.replace(one, name="b") == RECORD("b")
    assert one == copy.copy(one) == copy.deepcopy(one)
    assert dataclasses.is_dataclass(one)


def test_what_a_class_says_of_itself_stays():
    @record
    class Shown:
        name: str

        def __repr__(self) -> str:
            return f"<{self.name}>"

    assert repr(Shown("a")) == "<a>"


@record
class Kept:
    """At the top of a module, where pickle finds it."""

    name: str


def test_records_can_be_pickled():
    assert pickle.loads(pickle.dumps(Kept("a"))) == Kept("a")
