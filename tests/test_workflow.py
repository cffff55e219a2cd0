"""The workflow of GitHub Actions can be read, and runs the tests as the Makefile does, on every Python allowed."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_it_runs_the_suite_of_the_makefile_on_three_systems_and_every_python():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    matrix = job["strategy"]["matrix"]
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    least = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert matrix["python"][0] == least.removeprefix(">=")
    assert all(isinstance(version, str) for version in matrix["python"]), "3.10 would be 3.1"
    commands = [step["run"] for step in job["steps"] if "run" in step]
    (of_make,) = re.findall(
        r"^\t\$\(RUN\) (-m pytest -m \"not proof\".*)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert f"python {of_make}" in commands
    files = [word for command in commands for word in re.findall(r"requirements\S*\.txt", command)]
    assert files
    assert all((ROOT / file).is_file() for file in files)
