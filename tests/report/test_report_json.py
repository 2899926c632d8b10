"""The JSON object: its layout, its schema, and strictness whatever it holds."""

import json

import jsonschema
import numpy as np
import pytest

from losscli.report import dumps, format_value, schema, to_json

GOLDEN = """{
  "schema": "losscli/result/1",
  "loss": "nll",
  "value": 0.30000000000000004,
  "reduction": "mean",
  "unit": "nats",
  "numerator": 0.9,
  "denominator": 3.0,
  "reductions": {
    "mean": 0.30000000000000004,
    "sum": 0.9
  },
  "counts": {
    "samples": 4,
    "elements": 4,
    "scored": 3,
    "ignored": 1,
    "skipped": 0,
    "nonfinite": 0
  },
  "statistics": {
    "std": 0.5,
    "standard_error": 0.25,
    "min": {
      "value": 1e-300,
      "sample": 2
    },
    "median": 0.3333333333333333,
    "max": {
      "value": 2.5,
      "sample": 0
    },
    "worst_percent": null
  },
  "inputs": {
    "predictions": {
      "path": "p.csv",
      "format": "csv",
      "shape": [4, 2],
      "dtype": "float64",
      "columns": ["cat", "dog"],
      "kind": "probs",
      "evidence": "detected: 4 of 4 rows"
    },
    "targets": {
      "path": "t.npy",
      "format": "npy",
      "shape": [4],
      "dtype": "int64",
      "columns": null,
      "kind": null,
      "evidence": null
    }
  },
  "options": {
    "ignore_index": -100,
    "class_weight": null
  },
  "convention": "exact",
  "signature": "nll|kind:probs|reduction:mean|n:3|losscli:0.1.0",
  "objective": null,
  "check": null,
  "warnings": []
}"""


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def refuse(name):
    raise AssertionError(f"{name} is not strict JSON")


def test_golden(make_result):
    assert dumps(to_json(make_result())) == GOLDEN


def test_plain_result_fits_the_schema(make_result, validator):
    validator.validate(to_json(make_result()))


def test_full_result_is_strict_ascii_and_fits_the_schema(full_result, validator):
    text = dumps(to_json(full_result))
    assert text.isascii()
    assert all(character.isprintable() or character == "\n" for character in text)
    document = json.loads(text, parse_constant=refuse)
    validator.validate(document)
    assert document["value"] == "Infinity"
    assert document["statistics"]["min"]["value"] == "-Infinity"
    assert document["objective"]["value"] == "NaN"
    assert document["options"]["class_weight"] == [1.0, "Infinity"]
    assert document["warnings"] == list(full_result.warnings)
    assert document["inputs"]["targets"]["path"] == "t\udcff.npy"
    assert [row["loss"] for row in document["per_sample"]] == ["Infinity", "NaN"]


def test_nested_value(make_result, validator):
    result = make_result(reduction="none", value=[[0.1, 0.0], [float("nan"), np.float64(2.5)]])
    document = to_json(result)
    validator.validate(document)
    assert document["value"] == [[0.1, 0.0], ["NaN", 2.5]]
    assert '\n  "value": [[0.1, 0.0], ["NaN", 2.5]],\n' in dumps(document)


def test_records_take_a_line_each(full_result):
    lines = dumps(to_json(full_result)).splitlines()
    assert '    {"sample": 1, "loss": "NaN", "weight": 1.0, "label": "ok"}' in lines


@pytest.mark.parametrize(
    "damage",
    [
        {"value": "inf"},
        {"value": None},
        {"schema": "losscli/result/2"},
        {"reduction": "average"},
        {"counts": {"samples": 4}},
        {"inputs": {}},
        {"check": {"passed": 1, "gates": []}},
        {"per_sample": [{"sample": 0}]},
    ],
)
def test_schema_refuses(make_result, validator, damage):
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(to_json(make_result()) | damage)


def test_every_property_of_the_schema_is_described():
    def undescribed(node, path):
        for name, child in node.get("properties", {}).items():
            here = f"{path}/{name}"
            if "description" not in child:
                yield here
            yield from undescribed(child, here)
        for option in node.get("anyOf", ()):
            yield from undescribed(option, path)

    document = schema()
    assert document["$id"] == "losscli/result/1"
    missing = [*undescribed(document, "")]
    for name, definition in document["$defs"].items():
        missing += [*undescribed({"properties": {name: definition}}, "$defs")]
    assert missing == []


def test_schema_orders_members_as_the_report_does(full_result):
    promised = list(schema()["properties"])
    assert [name for name in to_json(full_result) if name in promised] == promised


def test_extra_stands_at_the_end_and_replaces_nothing(make_result):
    assert list(to_json(make_result(extra={"perplexity": 2.0})))[-1] == "perplexity"
    with pytest.raises(ValueError, match="value"):
        to_json(make_result(extra={"value": 2.0}))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.30000000000000004"),
        (np.float64(5e-324), "5e-324"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
        (float("nan"), "nan"),
        ([[1.0, 0.1], [float("inf"), 2e300]], "1.0\n0.1\ninf\n2e+300"),
        ([], ""),
    ],
)
def test_bare_value(make_result, value, text):
    assert format_value(make_result(value=value)) == text
