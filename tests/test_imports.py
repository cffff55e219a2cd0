"""The import rule of docs/architecture.md, followed transitively.

pages -> app -> kd_core's wings -> kd_core shared.        Arrows point right, never left.
A wing never imports a wing. Shared code reaches a wing only through techniques.py.
kd_core imports neither Streamlit nor Plotly; nothing that the web process imports, torch.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

from kd_core.techniques import NAMES

ROOT = Path(__file__).parent.parent


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {
    name_of(path): path for part in ("app", "pages", "kd_core") for path in sorted((ROOT / part).rglob("*.py"))
} | {"streamlit_app": ROOT / "streamlit_app.py"}


def imported(tree: ast.AST, whole: bool) -> set[str]:
    """The modules that a file imports; whole: also those that a function imports when it is called."""
    found = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif whole or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            found |= imported(node, whole)
    return found


@cache
def imports(name: str, whole: bool = True) -> set[str]:
    return imported(ast.parse(FILES[name].read_text(encoding="utf-8")), whole)


@cache
def reached(name: str) -> frozenset[str]:
    """Everything that importing `name` imports: our modules, those that these import, and so on; and libraries."""
    seen, open_ = set(), [name]
    while open_:
        one = open_.pop()
        for other in imports(one, whole=False):
            parts = other.split(".")
            packages = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
            open_.extend(known for known in packages & FILES.keys() - seen)
            seen |= packages
    return frozenset(seen)


def wing(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[0] in ("app", "kd_core") and parts[1] in NAMES else ""


def rank(name: str) -> int:
    """How far to the right a module stands."""
    first = name.split(".")[0]
    if first == "app":
        return 2 if wing(name) else 3
    if first == "kd_core":
        return 4 if wing(name) else 5
    return {"streamlit_app": 0, "pages": 1}[first]


@pytest.mark.parametrize("name", FILES)
def test_arrows_point_to_the_right(name):
    for other in imports(name):
        first = other.split(".")[0]
        if name.startswith("kd_core"):
            assert first not in ("streamlit", "plotly")
        if first not in ("streamlit_app", "pages", "app", "kd_core") or other in ("app", "kd_core"):
            continue
        assert rank(other) >= rank(name), f"{name} imports {other}"
        assert not wing(name) or wing(other) in ("", wing(name)), f"the wing {name} imports {other}"


@pytest.mark.parametrize(
    "name", [name for name in FILES if name.split(".")[0] in ("streamlit_app", "pages", "app")]
)
def test_the_web_process_has_no_torch(name):
    assert not {"torch", "distributed", "optuna"} & reached(name)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("app.figures", "app.reports"))])
def test_figures_and_reports_need_no_streamlit(name):
    assert "streamlit" not in reached(name)
