"""A fifth technique passes all that the others pass, and nothing else of the lab is touched for it.

The lab is copied, `toy` is laid over the copy (a folder in kd_core, one in app, a page), its name is added to
NAMES, its words to the catalogue and its recorded Result to assets/, as docs/adding-a-technique.md says.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT, TOY = Path(__file__).parents[2], Path(__file__).parent / "toy"
PARTS = ("app", "kd_core", "pages", "assets", "tests", ".streamlit", "streamlit_app.py", "pyproject.toml")
FINISH = """
import json, sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po
from app.i18n.text import PO, update
from kd_core.data import load
from kd_core.prototypes import Settings, run

update()
with PO.open("rb") as file:
    catalogue = read_po(file, locale="zh")
for english, chinese in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")).items():
    catalogue[english].string = chinese
with PO.open("wb") as file:
    write_po(file, catalogue, width=0)
*_, result = run(Settings(), load())
Path("assets/recorded-prototypes.json").write_text(result.model_dump_json(), encoding="utf-8")
sys.exit(pytest.main(["-q", "-k", "prototypes", "tests/contract/test_technique.py", "tests/test_imports.py"]))
"""


@pytest.mark.proof
def test_a_technique_is_two_folders_a_page_and_a_name(tmp_path, mnist):
    lab = tmp_path / "lab"
    for part in PARTS:
        whole = ROOT / part
        if whole.is_dir():
            shutil.copytree(whole, lab / part)
        else:
            shutil.copy(whole, lab / part)
    shutil.copytree(TOY, lab, dirs_exist_ok=True)
    listed = lab / "kd_core" / "techniques.py"
    text = listed.read_text(encoding="utf-8")
    names = next(line for line in text.splitlines() if line.startswith("NAMES = "))
    listed.write_text(text.replace(names, names.replace(")", ', "prototypes")')), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", FINISH, str(TOY / "chinese.json")],
        cwd=lab, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(lab), "KD_WORKERS": "2"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
