"""Imports point only downward, as docs/design.md draws them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [
    {"streamlit_app"},
    {"pages"},
    {"app"},
    {"kd_core.__main__"},
    {"kd_core.hinton"},
    {"kd_core.runs"},
    {"kd_core.distillation", "kd_core.transfer", "kd_core.multitask", "kd_core.meta_learning"},
    {"kd_core.trials"},
    {"kd_core.bugs", "kd_core.checks", "kd_core.conventions"},
    {
        "kd_core.methods",
        "kd_core.joint",
        "kd_core.conflict",
        "kd_core.weighting",
        "kd_core.starts",
        "kd_core.unseen",
    },
    {"kd_core.adaptation"},
    {"kd_core.episodes"},
    {"kd_core.export"},
    {"kd_core.backbones", "kd_core.fashion", "kd_core.features"},
    {"kd_core.plan"},
    {"kd_core.validation"},
    {
        "kd_core.results",
        "kd_core.remembered",
        "kd_core.teachers",
        "kd_core.training",
        "kd_core.statistics",
        "kd_core.verdicts",
        "kd_core.best",
        "kd_core.cost",
        "kd_core.calibration",
    },
    {
        "kd_core.models",
        "kd_core.data",
        "kd_core.mnist",
        "kd_core.vision",
        "kd_core.pixels",
        "kd_core.tasks",
        "kd_core.fetching",
        "kd_core.layers",
    },
    {"kd_core.compiled", "kd_core.divergence"},
    {"kd_core.arguments"},
    {
        "kd_core.events",
        "kd_core.settings",
        "kd_core.messages",
        "kd_core.numbers",
        "kd_core.folders",
        "kd_core.machine",
    },
]
MAY_IMPORT_STREAMLIT = ("streamlit_app", "pages.", "app.controls", "app.watch", "app.text", "app.components",
                        "app.frame", "app.result", "app.tabs", "app.chart", "app.visitor", "app.address",
                        "app.article", "app.behind", "app.start", "app.runs", "app.choice",
                        "app.share", "app.take", "app.maps",
                        "app.talk", "app.lesson", "app.look")  # fmt: skip
FILES = [
    path
    for path in sorted(ROOT.rglob("*.py"))
    if path.relative_to(ROOT).parts[0] in ("app", "pages", "kd_core", "streamlit_app.py")
]


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def layer(name: str) -> int | None:
    for depth, prefixes in enumerate(LAYERS):
        if any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes):
            return depth
    return None


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path.name} has a relative import"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downward(path):
    name, found = module(path), imports(path)
    mine = layer(name)
    assert mine is not None or name == "kd_core", f"{name} has no place in the layers"
    for other in found:
        theirs = layer(other)
        if theirs is not None and mine is not None:
            assert theirs >= mine, f"{name} imports {other}, which is above it"
    if layer(name) == layer("kd_core.distillation"):
        techniques = LAYERS[layer("kd_core.distillation")]
        assert not (found & techniques - {name}), "a technique imports a technique"
    if name.startswith("pages."):
        assert not any(other.startswith("pages") for other in found), "a page imports a page"
    if name.startswith("kd_core"):
        assert not any(other.split(".")[0] in ("streamlit", "plotly") for other in found)
    if not name.startswith(MAY_IMPORT_STREAMLIT) or name.startswith("app.lessons"):
        assert not any(other.split(".")[0] == "streamlit" for other in found), f"{name} imports streamlit"
    if name in (
        "kd_core.events",
        "kd_core.settings",
        "kd_core.messages",
        "kd_core.folders",
        "kd_core.statistics",
        "kd_core.pixels",
        "kd_core.layers",
        "kd_core.export",
    ):
        assert not any(other.split(".")[0] == "torch" for other in found)
