"""What is said of a paired difference: against SciPy, against brute force, and under a null that is known."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import HERE

from losscli.engine.comparison import Settings, compare, label_of
from losscli.engine.plan import Request
from losscli.engine.resampling import (
    Power,
    Units,
    bca_interval,
    bootstrap,
    gathered,
    holm,
    jackknife,
    percentile_interval,
    sign_flips,
    standard_errors,
)
from losscli.errors import DataError, UsageError
from losscli.losses.catalogue import find

GOLDENS = json.loads((HERE / "comparisons.json").read_text(encoding="utf-8"))
SEED, RESAMPLES = GOLDENS["meta"]["seed"], GOLDENS["meta"]["resamples"]


def units_of(a, b, w=None, of_mean=None):
    a, b = np.asarray(a, float), np.asarray(b, float)
    w = np.ones(len(a)) if w is None else np.asarray(w, float)
    for values in (a, b, w):
        values.flags.writeable = False
    return Units(w, a, (b - a)[np.newaxis], of_mean)


def golden_units(case):
    a, b = (GOLDENS["arrays"][entry["array"]] for entry in case["inputs"]["predictions"])
    w = GOLDENS["arrays"][case["inputs"]["targets"]["array"]]
    return units_of(a, b, None if case["loss"] == "mean" else w, math.exp if case["loss"] == "exp" else None)


def value_of(units):
    """The difference of the only candidate."""
    return float(units.estimate()[0])


@pytest.mark.parametrize("case", GOLDENS["cases"], ids=lambda case: case["id"])
def test_intervals_are_those_of_scipy(case):
    units = golden_units(case)
    [estimates] = bootstrap(units, RESAMPLES, SEED)
    left_out = jackknife(units)[0]
    for confidence, expected in case["expected"]["percentile"].items():
        assert percentile_interval(estimates, float(confidence)) == pytest.approx(expected, rel=1e-9)
    for confidence, expected in case["expected"]["bca"].items():
        assert bca_interval(estimates, value_of(units), left_out, float(confidence)) == pytest.approx(
            expected, rel=1e-9
        )


@pytest.mark.parametrize("case", GOLDENS["cases"], ids=lambda case: case["id"])
def test_p_values_are_those_of_scipy(case):
    flips = sign_flips(golden_units(case), RESAMPLES, SEED)
    expected, error = case["expected"]["p_value"], case["expected"]["p_error"]
    assert flips.exact == [error == 0.0]
    # A random p-value may be off by chance; four times its standard error is not chance.
    assert flips.p_values == [pytest.approx(expected, rel=1e-12, abs=4.0 * error)]


def test_random_flips_agree_with_all_of_them():
    random = np.random.default_rng(3)
    units = units_of(np.zeros(14), random.normal(0.4, 1.0, 14))
    [exact] = sign_flips(units, 1 << 14, 0).p_values
    found = sign_flips(units, (1 << 14) - 1, 0)
    assert found.exact == [False]
    assert found.p_values[0] == pytest.approx(exact, abs=4.0 * math.sqrt(exact / (1 << 14)))


def test_all_flips_by_hand():
    # Of the eight patterns of 1, 2 and 4 only the two with one sign reach a total of 7.
    assert sign_flips(units_of([0, 0, 0], [1, 2, 4]), 1000, 0).p_values == [0.25]
    # A unit that is the same under both models decides nothing.
    assert sign_flips(units_of([0, 5, 0, 0], [1, 5, 2, 4]), 1000, 0).p_values == [0.25]
    assert sign_flips(units_of([3, 1], [3, 1]), 1000, 0).p_values == [1.0]


def test_a_p_value_is_uniform_where_nothing_differs():
    random = np.random.default_rng(11)
    p_values = sign_flips(Units(np.ones(40), np.zeros(40), random.normal(size=(500, 40))), 999, 5).p_values
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.04)


def test_intervals_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(8)
    hits = {"percentile": 0, "bca": 0}
    for seed in range(200):
        units = units_of(np.zeros(80), random.exponential(size=80), random.uniform(0.5, 1.5, 80))
        [estimates] = bootstrap(units, 400, seed, threads=1)
        found = {
            "percentile": percentile_interval(estimates, 0.9),
            "bca": bca_interval(estimates, value_of(units), jackknife(units)[0], 0.9),
        }
        for method, (low, high) in found.items():
            hits[method] += low <= 1.0 <= high
    assert all(160 <= count <= 195 for count in hits.values()), hits


@pytest.mark.parametrize("of_mean", [None, math.exp])
def test_the_jackknife_is_what_leaving_out_gives(of_mean):
    random = np.random.default_rng(5)
    a, b, w = random.exponential(size=(3, 30))
    units = units_of(a, b, w, of_mean)
    for row, change in enumerate(jackknife(units)[0]):
        rest = np.delete(np.arange(30), row)
        assert change == pytest.approx(
            value_of(units_of(a[rest], b[rest], w[rest], of_mean)) - value_of(units), rel=1e-9
        )


def test_the_standard_error_of_equal_weights_is_that_of_a_mean():
    d = np.random.default_rng(2).normal(size=50)
    [error] = standard_errors(jackknife(units_of(np.zeros(50), d, np.full(50, 3.0))))
    assert error == pytest.approx(d.std(ddof=1) / math.sqrt(50) / 3.0, rel=1e-12)


def test_the_standard_error_survives_cancellation():
    a = 1e6 + np.random.default_rng(2).normal(size=1000)
    step = np.where(np.arange(1000) % 2, 2.0**-20, 2.0**-21)
    [error] = standard_errors(jackknife(units_of(a, a + step)))
    assert error == pytest.approx(step.std(ddof=1) / math.sqrt(1000), rel=1e-3)


def test_copies_of_a_sample_in_one_cluster_tell_nothing_new():
    random = np.random.default_rng(9)
    a, b, w = random.exponential(size=(3, 25))
    alone = units_of(a, b, w)
    copied = units_of(*(np.tile(values, 4) for values in (a, b, w)))
    together = gathered(copied, np.tile(np.arange(25), 4), 25)
    assert value_of(together) == pytest.approx(value_of(alone), rel=1e-12)
    np.testing.assert_allclose(standard_errors(jackknife(together)), standard_errors(jackknife(alone)), rtol=1e-12)
    assert standard_errors(jackknife(copied))[0] < 0.6 * standard_errors(jackknife(alone))[0]
    np.testing.assert_allclose(bootstrap(together, 300, 1), bootstrap(alone, 300, 1), rtol=1e-12)
    assert sign_flips(together, 300, 1) == sign_flips(alone, 300, 1)


@pytest.mark.parametrize("count", [5, 5000, 300_000])
def test_threads_change_no_digit(count):
    random = np.random.default_rng(1)
    a, w = random.exponential(size=(2, count))
    units = Units(w, a, random.normal(size=(2, count)), math.exp)
    np.testing.assert_array_equal(bootstrap(units, 8, 4, threads=1), bootstrap(units, 8, 4, threads=3))
    assert sign_flips(units, 20, 4, threads=1) == sign_flips(units, 20, 4, threads=3)
    assert (bootstrap(units, 8, 4) != bootstrap(units, 8, 5)).any()


def test_weights_that_are_alike_are_only_a_unit():
    random = np.random.default_rng(6)
    a, b = random.exponential(size=(2, 70))
    np.testing.assert_allclose(
        bootstrap(units_of(a, b, np.full(70, 4.0)), 200, 0), bootstrap(units_of(a, b), 200, 0) / 4.0, rtol=1e-12
    )


def test_candidates_are_drawn_together():
    random = np.random.default_rng(6)
    a, *others = random.exponential(size=(4, 70))
    together = Units(np.ones(70), a, np.stack([b - a for b in others]))
    for position, b in enumerate(others):
        np.testing.assert_array_equal(bootstrap(together, 50, 3)[position], bootstrap(units_of(a, b), 50, 3)[0])


def test_the_corrected_interval_has_the_unit_of_the_values():
    left_out = np.random.default_rng(8).exponential(size=40)
    estimates = np.random.default_rng(9).normal(left_out.mean(), 0.2, 500)
    small = bca_interval(estimates, 1.0, left_out, 0.9)
    large = bca_interval(1e120 * estimates, 1e120, 1e120 * left_out, 0.9)
    assert large == pytest.approx((1e120 * small[0], 1e120 * small[1]), rel=1e-12)


def test_a_bias_without_measure_has_no_corrected_interval():
    assert bca_interval(np.full(9, 2.0), 1.0, np.ones(4), 0.9) is None
    assert bca_interval(np.full(9, 2.0), 2.0, np.zeros(4), 0.9) == (2.0, 2.0)


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.2], [0.2]),
        ([0.6, 0.7], [1.0, 1.0]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values, adjusted):
    assert holm(p_values) == pytest.approx(adjusted)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6))
def test_holm_rejects_what_its_steps_reject(p_values):
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for rank, position in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
            if p_values[position] * (len(p_values) - rank) > level:
                break
            rejected.add(position)
        assert {position for position, p in enumerate(holm(p_values)) if p <= level} == rejected


def test_power_is_what_a_simulation_finds():
    power = Power(0.05, 0.8)
    random = np.random.default_rng(4)
    z = random.normal(power.detectable(1.0), 1.0, 200_000)
    assert np.mean(z > 1.959964) == pytest.approx(0.8, abs=0.005)
    # A quarter of the distance needs sixteen times the units.
    assert power.needed(100, 1.0, power.errors / 4.0) == pytest.approx(1600, abs=1)
    assert power.needed(100, 1.0, 100.0) == 101
    assert power.needed(2, 1.0, 100.0) == 6  # 2 of 2⁶ patterns are the first fewer than one in twenty
    assert power.needed(100, 1.0, 0.0) is None
    assert power.needed(100, 1.0, 1e-300) is None  # beyond every float: `compare --margin 1e-300` ended in an overflow


SQUARED = find("mse")


def compared(models, targets, **settings):
    """A comparison of arrays, which files would hold."""
    return compare(Request(SQUARED, None, targets, statistics=False), models, Settings(**settings))


@pytest.fixture
def saved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def save(**arrays):
        for name, values in arrays.items():
            np.save(f"{name}.npy", np.asarray(values, float))
        return [f"{name}.npy" for name in arrays]

    return save


def test_verdicts_and_their_mirror_images(saved):
    random = np.random.default_rng(0)
    target = random.normal(size=300)
    noise = random.normal(size=300)
    saved(t=target, a=target + noise, good=target + 0.5 * noise, near=target + 1.0001 * noise)
    found = compared(["a.npy", "good.npy", "near.npy", "a.npy"], "t.npy", margin=0.01)
    assert [contrast.verdict for contrast in found.contrasts] == ["better", "equivalent", "equivalent"]
    assert [contrast.noninferior for contrast in found.contrasts] == [True, True, True]
    [contrast] = compared(["good.npy", "a.npy"], "t.npy").contrasts
    mirrored = found.contrasts[0]
    assert contrast.verdict == "worse"
    assert contrast.difference == -mirrored.difference
    assert (contrast.wins, contrast.losses) == (mirrored.losses, mirrored.wins) == (0, 300)


def test_so_many_samples_as_are_needed_decide(saved):
    random = np.random.default_rng(12)

    def verdicts(count, times):
        for _ in range(times):
            target, noise = np.zeros(count), random.normal(size=count)
            saved(t=target, a=target + noise, b=target + noise + random.normal(0.0, 0.3, count) + 0.05)
            yield compared(["a.npy", "b.npy"], "t.npy", top=0, resamples=400).contrasts[0]

    first = next(one for one in verdicts(60, 50) if one.verdict == "undecided" and one.difference > 0.08)
    assert first.needed > 60
    # Both depend on what is seen: here the true difference is E (0.09 + 0.0025).
    spread = first.evidence.standard_error * math.sqrt(60)
    needed = math.ceil((Power(0.05, 0.8).errors * spread / 0.0925) ** 2)
    decided = [one.verdict == "worse" for one in verdicts(needed, 60)]
    assert 0.6 <= np.mean(decided) <= 0.97


def test_without_a_difference_a_verdict_is_rare(saved):
    random = np.random.default_rng(13)
    decided = 0
    for _ in range(150):
        a, b = random.normal(size=(2, 50))
        saved(t=np.zeros(50), a=a, b=b)
        decided += compared(["a.npy", "b.npy"], "t.npy", top=0, resamples=300).contrasts[0].verdict != "undecided"
    assert decided <= 16


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**-600, 2.0**600])
def test_errors_of_tiny_and_of_huge_differences_are_in_proportion(scale):
    left_out = np.array([[1.0, 2.0, 4.0, -3.0], [0.5, 0.5, 0.5, 0.5]])
    plain = standard_errors(left_out)
    np.testing.assert_array_equal(standard_errors(scale * left_out), scale * plain)
    np.testing.assert_array_equal(standard_errors(left_out * [[1.0], [scale]]), plain)


def test_an_infinite_loss_decides_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", [[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]])
    np.save("b.npy", [[0.5, 0.5], [0.5, 0.5], [0.75, 0.25]])
    np.save("y.npy", [0, 1, 0])
    request = Request(find("nll"), None, "y.npy", {"kind": "probs"}, statistics=False)
    [contrast] = compare(request, ["a.npy", "b.npy"], Settings()).contrasts
    assert contrast.difference == -math.inf
    assert (contrast.verdict, contrast.evidence, contrast.p_adjusted, contrast.needed) == (
        "undecided",
        None,
        None,
        None,
    )
    assert (contrast.wins, contrast.losses, contrast.ties) == (2, 0, 1)
    three = compare(request, ["b.npy", "a.npy", "b.npy"], Settings()).contrasts
    assert [one.verdict for one in three] == ["undecided", "equivalent"]


def test_what_overflows_is_no_evidence(saved):
    saved(t=np.zeros(40), a=np.full(40, 1e153), b=np.linspace(1e153, 1.3e154, 40), c=np.linspace(1.0, 2.0, 40))
    found = compared(["c.npy", "b.npy", "c.npy"], "t.npy")
    assert [one.evidence is None for one in found.contrasts] == [True, False]
    assert found.contrasts[0].verdict == "undecided"
    assert any("not finite" in warning for warning in found.warnings)


def test_letters_go_on_after_z():
    names = ["".join(letters) for n in (1, 2) for letters in itertools.product("ABCDEFGHIJKLMNOPQRSTUVWXYZ", repeat=n)]
    assert [label_of(position) for position in range(len(names))] == names


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": 1.0},
        {"confidence": math.nan},
        {"power": 0.2},
        {"margin": -1.0},
        {"margin": math.nan},
        {"resamples": 10},
        {"resamples": 10**13},
        {"seed": -1},
        {"top": -1},
    ],
)
def test_settings_that_mean_nothing(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)


def test_one_sample_has_no_spread(saved):
    saved(t=[1.0], a=[2.0], b=[3.0])
    with pytest.raises(DataError, match="single"):
        compared(["a.npy", "b.npy"], "t.npy")
