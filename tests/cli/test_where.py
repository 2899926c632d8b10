"""Where the loss sits, as a shell shows it: groups, the histogram, the worst samples, and the yardsticks."""

import json

import numpy as np
import pytest

HOSTILE = "[bold]x[/]\x1b[31m\u202eend"


@pytest.fixture
def table(shell):
    """A table of logits, labels, numbers and names that mean harm, one of them with a line end."""
    rows = ["p_a,p_b,label,site,age"]
    sites = ["north", HOSTILE, '"two\nlines"']
    scores = [(2.0, 0.5), (-1.0, 3.0), (4.0, 1.0), (0.5, 0.25), (-2.0, 2.0), (3.0, -3.0)]
    rows += [f"{a},{b},{'ab'[i % 2]},{sites[i % 3]},{30 + i % 2}" for i, (a, b) in enumerate(scores)]
    shell.write("t.csv", "\n".join(rows) + "\n")
    return "cross-entropy t.csv --pred p_* --target label"


def section(text, title):
    """The lines from a title to the next empty one."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(title))
    return lines[start : lines.index("", start)]


def test_groups_by_a_column_of_text(shell, table, validate):
    done = shell(f"{table} --by site --json")
    assert done.code == 0, done.err
    result = validate(done.out)
    groups = result["groups"]
    assert groups["by"] == "site"
    assert {group["group"] for group in groups["groups"]} == {"north", HOSTILE, "two\nlines"}
    assert sum(group["loss"] for group in groups["groups"]) == pytest.approx(result["numerator"], rel=1e-15)
    assert [group["samples"] for group in groups["groups"]] == [2, 2, 2]
    assert result["inputs"]["by"]["columns"] == ["site"]


@pytest.mark.parametrize("form", ["table", "md"])
def test_a_name_that_means_harm_stays_text(shell, table, form):
    done = shell(f"{table} --by site --format {form}")
    assert done.code == 0, done.err
    assert all(character.isprintable() or character == "\n" for character in done.out)
    assert r"two\nlines" in done.out.replace("\\\\", "\\")
    assert r"\x1b" in done.out.replace("\\\\", "\\").replace(r"\[", "[")
    assert r"\u202eend" in done.out.replace("\\\\", "\\")


def test_the_table_of_groups(shell, table):
    lines = section(shell(f"{table} --by age").out, "2 groups by age")
    assert lines[1].split() == ["age", "samples", "share", "mean", "standard", "error"]
    assert {line.split()[0] for line in lines[2:]} == {"30", "31"}
    assert all(line.split()[1] == "3" for line in lines[2:])


def test_a_column_by_which_groups_are_made_is_no_prediction(shell, table):
    named, unnamed = (shell(f"{line} --by age --json").out for line in (table, table.replace("--pred p_* ", "")))
    assert json.loads(named)["value"] == json.loads(unnamed)["value"]


def test_classes_have_their_names(shell, table, validate):
    groups = validate(shell(f"{table} --by-class --json").out)["groups"]
    assert groups["by"] == "class"
    assert {group["group"] for group in groups["groups"]} == {"a", "b"}


def test_a_column_of_another_file(shell, table):
    shell.write("meta.csv", "id,site\n" + "".join(f"{i},s{i % 2}\n" for i in range(6)))
    shell.save("sites.npy", [0, 1] * 3)
    by_column, by_file = (json.loads(shell(f"{table} --by {by} --json").out) for by in ("meta.csv:site", "sites.npy"))
    assert {group["group"] for group in by_column["groups"]["groups"]} == {"s0", "s1"}
    drop = ("group",)
    assert [
        {name: value for name, value in group.items() if name not in drop} for group in by_column["groups"]["groups"]
    ] == [{name: value for name, value in group.items() if name not in drop} for group in by_file["groups"]["groups"]]


def test_labels_alone_in_their_file_may_name_the_groups(shell):
    shell.save("p.npy", [0.2, 0.9, 0.6])
    shell.write("t.csv", "label\n0\n1\n1\n")
    groups = json.loads(shell("bce p.npy t.csv --by label --json").out)["groups"]["groups"]
    assert {group["group"]: group["samples"] for group in groups} == {0: 1, 1: 2}


def test_groups_of_standard_input(shell, table):
    stream = (shell.folder / "t.csv").read_bytes()
    piped = shell(f"{table} --by site --baselines --json".replace("t.csv", "-"), stream)
    assert piped.code == 0, piped.err
    direct = json.loads(shell(f"{table} --by site --baselines --json").out)
    assert json.loads(piped.out)["groups"] == direct["groups"]
    assert json.loads(piped.out)["baselines"] == direct["baselines"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "value"])
@pytest.mark.parametrize("option", ["--by site", "--by-class", "--plot", "--baselines", "--top 2", "--rows 3"])
def test_a_form_without_a_place_for_it_is_refused(complaint, table, option, form):
    assert "has no place" in complaint(f"{table} {option} --format {form}", code=2)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ("--per-sample", "--format json"),
        ("--per-sample --format csv", "--format json"),
        ("--rows all --json", "--format table or md"),
        ("--show-work --json", "--format table or md"),
        ("--top 1 --format value", "--format table, md or json"),
    ],
)
def test_what_would_be_passed_over_is_refused(complaint, table, options, hint):
    assert f"hint: {hint}\n" in complaint(f"{table} {options}", code=2)


@pytest.mark.parametrize("options", ["--rows 0 --json", "--top 0 --format value", "--rows 0 --format csv"])
def test_what_asks_for_nothing_has_a_place_everywhere(shell, table, options):
    assert shell(f"{table} {options}").code == 0


def test_a_default_of_the_project_is_passed_over_where_it_has_no_place(shell, table):
    shell.write("pyproject.toml", "[tool.losscli]\nrows = 3\nplot = true\ntop = 2\n")
    alone = shell(f"{table} --format value --no-config").out
    assert shell(f"{table} --format value").out == alone
    assert "first 3 of" in shell(table).out


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        ("--by site --by-class", 2, "leave one of them out"),
        ("--by sitee", 3, "did you mean 'site'?"),
        ("--by gone.csv:site", 3, "--by is a column of the inputs"),
        ("--by short.npy", 3, "short.npy has 2"),
        ("--by wide.npy", 3, "one value a sample"),
        ("--baselines --reduction none", 2, "one number"),
        ("--save-plot t.csv", 2, "no kind of picture"),
    ],
)
def test_what_cannot_be_is_said(shell, complaint, table, options, code, text):
    shell.save("short.npy", [1, 2])
    shell.save("wide.npy", np.zeros((6, 2)))
    assert text in complaint(f"{table} {options}", code=code)


def test_many_groups_are_cut_in_the_table_and_whole_in_json(shell):
    shell.save("a.npy", np.arange(100.0))
    shell.save("g.npy", np.arange(100))
    assert "and 70 more groups (--json lists all)" in shell("l1 a.npy a.npy --by g.npy").out
    assert len(json.loads(shell("l1 a.npy a.npy --by g.npy --json").out)["groups"]["groups"]) == 100


def test_the_histogram(shell, validate):
    losses = np.array([0.1, 0.2, 0.3, 1.5, 3.9])
    shell.save("a.npy", losses)
    shell.save("b.npy", np.zeros(5))
    histogram = validate(shell("l1 a.npy b.npy --plot --json").out)["histogram"]
    assert histogram["counts"] == np.histogram(losses, histogram["edges"])[0].tolist()
    bars = section(shell("l1 a.npy b.npy --plot").out, "losses of the samples")[1:]
    lengths = [line.count("█") for line in bars]
    assert lengths[0] == max(lengths) > 0
    assert all(len(line) <= 80 for line in bars)


def test_infinite_losses_are_beside_the_histogram(shell, validate):
    shell.save("p.npy", [0.0, 0.5, 0.5])
    shell.save("y.npy", [1, 1, 0])
    assert validate(shell("bce p.npy y.npy --plot --json").out)["histogram"]["nonfinite"] == 1
    assert "and 1 that are not finite" in shell("bce p.npy y.npy --plot").out
    shell.save("p.npy", [0.0, 0.0])
    shell.save("y.npy", [1, 1])
    assert "and 2 that are not finite" in shell("bce p.npy y.npy --plot").out


@pytest.mark.parametrize(("extension", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_picture_of_the_histogram(shell, table, extension, magic):
    pytest.importorskip("matplotlib")
    done = shell(f"{table} --save-plot h.{extension} --json")
    assert done.code == 0, done.err
    assert "histogram" not in json.loads(done.out)
    assert (shell.folder / f"h.{extension}").read_bytes().startswith(magic)


def test_a_picture_without_the_extra(shell, table):
    script = (
        "import sys; sys.modules['matplotlib'] = None; import losscli.cli; "
        f"sys.argv = 'losscli {table} --save-plot h.png'.split(); sys.exit(losscli.cli.command_line())"
    )
    done = shell.script(f'python -c "{script}"')
    assert done.code == 2
    assert "needs matplotlib" in done.err
    assert "h.png" not in shell.files


def test_the_worst_samples_have_a_margin(shell, table, validate):
    top = validate(shell(f"{table} --top 2 --json").out)["top"]
    assert [row["loss"] for row in top] == sorted((row["loss"] for row in top), reverse=True)
    for row in top:
        assert row["margin"] == pytest.approx(np.log(row["probability"] / (1.0 - row["probability"])), rel=1e-12)
        assert (row["margin"] < 0.0) == (row["target"] != row["predicted"])
    assert "margin" in shell(f"{table} --top 2 --rows 0").out


def test_baselines_at_the_shell(samples, validate):
    result = validate(samples("cross-entropy digits_logits.npy digits_labels.npy --baselines --json").out)
    baselines = result["baselines"]
    assert baselines["uniform"]["value"] == pytest.approx(np.log(10.0), rel=1e-15)
    assert baselines["temperature"]["value"] < result["value"] < baselines["prior"]["value"]
    text = samples("cross-entropy digits_logits.npy digits_labels.npy --baselines --rows 0").out
    lines = section(text, "baselines")
    assert [line.split()[0] for line in lines[1:]] == ["uniform", "prior", "temperature"]
    assert repr(baselines["uniform"]["value"]) in lines[1]


def test_the_worst_percent_at_the_shell(samples, validate):
    command = "cross-entropy digits_logits.npy digits_labels.npy"
    share = validate(samples(f"{command} --json").out)["statistics"]["worst_percent"]
    assert f"worst 1 %       {100.0 * share:.4g} % of the total loss" in samples(command).out


@pytest.mark.parametrize("form", ["table", "md", "json"])
def test_nothing_scored_is_shown_too(shell, table, form):
    done = shell(f"{table} --by site --plot --baselines --sample-weight 0,0,0,0,0,0 --on-empty zero --format {form}")
    assert done.code == 0, done.err


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_is_wide_enough(samples, columns):
    command = "losscli cross-entropy digits_logits.npy digits_labels.npy --by-class --plot --baselines --top 3 --rows 0"
    done = samples.script(f'script -qec "stty cols {columns}; {command} --color never" /dev/null </dev/null')
    if done.code:
        pytest.skip("there is no `script` here")
    assert max(map(len, done.out.splitlines()[:-1])) <= columns


def test_groups_of_a_million_rows(shell):
    random = np.random.default_rng(1)
    shell.save("x.npy", random.normal(size=1_000_000))
    shell.save("y.npy", random.normal(size=1_000_000))
    shell.save("g.npy", random.integers(0, 1000, 1_000_000))
    done = shell.script("losscli mse x.npy y.npy --by g.npy --plot --baselines --json")
    assert sum(group["samples"] for group in json.loads(done.out)["groups"]["groups"]) == 1_000_000
