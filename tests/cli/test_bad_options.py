"""What the command line alone shows to be wrong: exit code 2, before any file is looked at."""

import pytest


@pytest.mark.parametrize(
    ("command", "problem", "hint"),
    [
        ("crossentropi a b", "there is no loss named 'crossentropi'", "did you mean cross-entropy"),
        ("foo a b", "there is no loss named 'foo'", "`losscli list` shows all"),
        ("mse", "missing argument 'PREDS'", "`losscli mse --help` shows all options"),
        ("mse a b c", "unexpected extra argument", "`losscli mse --help`"),
        ("mse a b --redution sum", "no such option: --redution", "did you mean --reduction"),
        ("mse a b --reduction avg", "'avg' is not one of 'mean', 'sum', 'none'", "`losscli mse --help`"),
        ("mse a b --base 2", "no such option: --base", ""),
        ("nll a b --kind odds", "'odds' is not one of", ""),
        ("nll a b --ignore-index x", "'x' is not a valid int", ""),
        ("huber a b --delta 0", "--delta is 0.0, but must be a finite number above 0", ""),
        ("huber a b --delta -1", "--delta is -1.0, but must be a finite number above 0", ""),
        ("huber a b --delta nan", "--delta is nan, but must be a finite number above 0", ""),
        ("huber a b --delta inf", "--delta is inf, but must be a finite number above 0", ""),
        ("huber a b --delta x", "'x' is not a valid float", ""),
        ("pseudo-huber a b --delta 0", "--delta is 0.0", ""),
        ("cross-entropy a b --label-smoothing 1.5", "--label-smoothing is 1.5, but must be a number from 0 to 1", ""),
        ("nll a b --row-sum-tolerance -1", "--row-sum-tolerance is -1.0", ""),
        ("nll a b --class-weight 1,-2", "--class-weight holds -2.0 at position 1", ""),
        ("nll a b --class-weight 1,nan", "--class-weight holds nan at position 1", ""),
        ("nll a b --class-weight 1,inf", "--class-weight holds inf at position 1", ""),
        ("nll a b --class-weight 0,0", "--class-weight is all zero", ""),
        ("weighted-cross-entropy a b --pos-weight -1", "--pos-weight holds -1.0", ""),
        ("mse - -", "only one input can be `-`", "put one of them in a file"),
        ("mse - b --sample-weight -", "only one input can be `-`", "put one of them in a file"),
        ("nll - b --class-weight -", "only one input can be `-`", "put one of them in a file"),
        ("mse '' b", "PREDS is empty", "is a variable of the shell not set?"),
        ("mse a ''", "TARGETS is empty", "is a variable of the shell not set?"),
        ("mse a b -o ''", "-o is empty", "is a variable of the shell not set?"),
        ("mse a b --max nan", "--max is nan, and nothing compares with nan", ""),
        ("mse a b --min nan", "--min is nan", ""),
        ("mse a b --expect nan", "--expect is nan", ""),
        ("mse a b --expect 1 --rtol nan", "--rtol is nan", ""),
        ("mse a b --expect 1 --rtol -1", "--rtol is -1, but a tolerance is ≥ 0", ""),
        ("mse a b --atol 1", "tolerances of --expect, which is missing", "add --expect VALUE"),
        ("mse a b --max 1 --reduction none", "a check compares one number", "drop --reduction none"),
        ("mse a b -o x.xls", "x.xls: the extension names no output format", "-o x.csv"),
        ("mse a b -o x", "x: the extension names no output format", "-o x.csv"),
        ("mse a b --top -1", "--top is -1, but must be a whole number ≥ 0", ""),
        ("mse a b --threads 0", "--threads is 0, but must be a whole number ≥ 1", ""),
        ("mse a b --rows some", "--rows is 'some', but must be a whole number ≥ 0 or `all`", ""),
        ("mse a b --json --format csv", "--json and --format csv contradict each other", "leave one of them out"),
        ("--verzion", "no such option: --verzion", "did you mean --version?"),
        ("explain foo", "there is no loss named 'foo'", "`losscli list`"),
        ("list --family fun", "there is no family 'fun'", "the families are"),
    ],
)
def test_usage(complaint, command, problem, hint):
    error = complaint(command, code=2)
    assert problem in error
    assert hint in error


@pytest.mark.parametrize(
    ("options", "problem", "hint"),
    [
        ("--delimiter ab", "--delimiter 'ab': it must be one ASCII character", "--delimiter ';' or --delimiter tab"),
        ("--decimal x", "--decimal 'x': it must be a point or a comma", "--decimal ,"),
        ("--decimal ,", "the delimiter and the decimal sign are both ','", "--delimiter ';' --decimal ,"),
    ],
)
def test_options_of_text(shell, complaint, options, problem, hint):
    shell.write("t.csv", "a,b\n1,2\n")
    error = complaint(f"mse t.csv --pred a --target b {options}", code=2)
    assert problem in error
    assert hint in error


def test_targets_that_are_nowhere(shell, complaint):
    shell.save("p.npy", [1.0])
    shell.write("t.csv", "pred,label\n1,2\n")
    assert "p.npy holds predictions only, and TARGETS is missing" in complaint("mse p.npy", code=2)
    error = complaint("mse t.csv", code=2)
    assert "which column of t.csv holds the targets?" in error
    assert "hint: --target label" in error
    assert shell("mse t.csv --target label").code == 0


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("-o p.npy", "p.npy: the output is also an input"),
        ("--sample-weight w.npy -o w.npy", "w.npy: the output"),
    ],
)
def test_an_input_is_never_replaced(shell, complaint, option, problem):
    for name in ("p.npy", "y.npy", "w.npy"):
        shell.save(name, [1.0, 2.0])
    before = (shell.folder / "w.npy").read_bytes()
    assert problem in complaint(f"mse p.npy y.npy {option}", code=2)
    assert (shell.folder / "w.npy").read_bytes() == before


def test_no_arguments_show_the_help_as_talk(shell):
    nothing = shell("")
    assert nothing.code == 2
    assert nothing.out == ""
    assert "Usage: losscli" in nothing.err
    asked = shell("--help")
    assert asked.code == 0
    assert "Usage: losscli" in asked.out
    assert asked.err == ""


def test_a_side_input_that_is_nowhere(shell, complaint):
    shell.write("t.csv", "pred,label,weight\n1,2,3\n")
    error = complaint("mse t.csv --pred pred --target label --sample-weight wieght")
    assert "wieght: no such file or folder" in error
    assert "--sample-weight is a column of the inputs, a file, FILE:COLUMN or a comma list" in error
    assert "hint: did you mean 'weight'?" in error
    shell.save("z.npy", [[1.0, 2.0]])
    error = complaint("nll z.npy t.csv --target label --class-weight 1,two")
    assert "1,two: no such file or folder" in error
    assert "--class-weight is a comma list or a file of numbers ≥ 0, one for each class" in error
