"""The two READMEs say the same: equal headings, tables, commands, links and numbers, one in each language."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENGLISH, CHINESE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))


def code(text):
    """The blocks of code without their comments."""
    blocks = re.findall(r"^```.*?^```", text, re.S | re.M)
    return [re.sub(r"#.*", "", block) for block in blocks]


def prose(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def test_the_readmes_have_the_same_shape():
    for mark in (r"^#+ ", r"^\| ", r"^\*\*", r"^\d\. ", r"^- "):
        assert len(re.findall(mark, ENGLISH, re.M)) == len(re.findall(mark, CHINESE, re.M)), mark


def test_the_readmes_have_the_same_commands_names_and_links():
    assert code(ENGLISH) == code(CHINESE)
    for what in (r"`[^`\n]+`", r"\]\(([^)]+)\)"):
        english, chinese = (Counter(re.findall(what, prose(text))) for text in (ENGLISH, CHINESE))
        english.pop("README.zh.md", None)
        chinese.pop("README.md", None)
        assert english == chinese


def test_the_readmes_have_the_same_numbers():
    numbers = [Counter(re.findall(r"\d+(?:[.,]\d+)*", prose(text))) for text in (ENGLISH, CHINESE)]
    assert set(numbers[0]) == set(numbers[1])


def test_files_that_the_documents_name_are_there():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        named = re.findall(
            r"\b(?:tests|app|kd_core|benchmarks|assets)/[\w/]+\.py\b", page.read_text(encoding="utf-8")
        )
        assert [file for file in named if not (ROOT / file).is_file()] == [], page.name
