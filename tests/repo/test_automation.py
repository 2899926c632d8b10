"""The hook, the action and the job of the README do what they say: each is parsed, and its commands are run."""

import re
import subprocess
from xml.etree import ElementTree

import pytest
import yaml
from readme_shell import clone, environment
from readme_text import README, blocks

TEXT = README.read_text(encoding="utf-8")
[GATES] = re.findall(r"^\$ cat > gates.toml <<'END'\n(.*?)^END$", TEXT, flags=re.MULTILINE | re.DOTALL)
DOCUMENTS = [yaml.safe_load(block.text) for block in blocks(TEXT, "yaml")]

LOOSE = GATES.replace("max = 0.5 }", "max = 0.6 }")
VERDICTS = [(LOOSE, 0, "passed"), (GATES, 1, "failed"), (LOOSE.replace("diabetes.csv", "gone.csv"), 3, "error")]


def document(member):
    """The only one of the YAML documents that has this member."""
    [found] = [each for each in DOCUMENTS if member in each]
    return found


@pytest.fixture
def folder():
    with clone() as where:
        yield where


def prepare(folder, gates):
    """The gates, and the baseline that they ask for."""
    (folder / "gates.toml").write_text(LOOSE)
    assert bash(folder, "losscli check gates.toml --update-baseline").returncode == 0
    (folder / "gates.toml").write_text(gates)


def bash(folder, script, **variables):
    """Run a step as GitHub's runner does."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=environment(folder) | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def filled_in(text, inputs):
    """A text of the action with the inputs in it."""
    return re.sub(r"\${{ inputs\.(\w+) }}", lambda match: inputs[match[1]], text)


@pytest.mark.parametrize(("gates", "code", "verdict"), VERDICTS)
def test_the_action_tells_the_verdict(folder, gates, code, verdict):
    action = document("runs")
    assert action["runs"]["using"] == "composite"
    inputs = {name: each["default"] for name, each in action["inputs"].items()}
    _, install, check = action["runs"]["steps"]
    assert install["run"] == 'pip install "$PACKAGE"'
    assert action["outputs"]["verdict"]["value"] == f"${{{{ steps.{check['id']}.outputs.verdict }}}}"
    for step in (install, check):
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]  # an input is no piece of a script
    prepare(folder, gates)
    files = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    variables = {name: filled_in(value, inputs) for name, value in check["env"].items()}
    done = bash(folder, check["run"], **variables, **files, GITHUB_WORKSPACE=str(folder), GITHUB_ACTIONS="true")
    assert done.returncode == code, done.stdout + done.stderr
    assert (folder / "GITHUB_OUTPUT").read_text() == f"verdict={verdict}\n"
    assert (folder / "GITHUB_STEP_SUMMARY").read_text().startswith("### gates.toml: 2 gates, ")
    assert ElementTree.parse(folder / "losscli.xml").getroot().get("tests") == "2"
    annotations = [line for line in done.stderr.splitlines() if line.startswith("::error file=gates.toml,line=")]
    assert len(annotations) == (code != 0)
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["gates with a blank.toml", "$(touch owned).toml", "a;b.toml"])
def test_a_name_is_no_script(folder, name):
    [*_, check] = document("runs")["runs"]["steps"]
    prepare(folder, LOOSE)
    (folder / "gates.toml").rename(folder / name)
    variables = {"GATES": name, "JUNIT": "out.xml", "GITHUB_OUTPUT": str(folder / "output")}
    assert bash(folder, check["run"], **variables).returncode == 1  # its baseline has another name
    assert not (folder / "owned").exists()


def test_the_job_passes(folder):
    [job] = document("jobs")["jobs"].values()
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    assert len(scripts) == 3
    for script in scripts:
        done = bash(folder, script)
        assert done.returncode == 0, done.stdout + done.stderr
    [used] = [step for step in job["steps"] if step.get("uses", "").startswith("./")]
    assert f"{used['uses'].removeprefix('./')}/action.yml" in TEXT
    assert used["with"].keys() <= document("runs")["inputs"].keys()


@pytest.mark.parametrize(("gates", "code", "verdict"), VERDICTS)
def test_the_hook_stops_a_commit(folder, gates, code, verdict):
    [repository] = document("repos")["repos"]
    [hook] = repository["hooks"]
    assert repository["repo"] == "local"
    prepare(folder, gates)
    done = bash(folder, hook["entry"])
    assert done.returncode == code, done.stderr
    assert ("digits" in done.stdout) == (verdict == "failed")
    for name in ("preds.npy", "data/labels.csv", "gates.toml", "gates.baseline.json"):
        assert re.search(hook["files"], name)
    for name in ("README.md", "src/gates.py", "npy", "pyproject.toml"):
        assert not re.search(hook["files"], name)
