"""Record what a change of structure must leave as it is: numbers, hashes, help texts and pages, as text.

    python -m tests.contract.record BEFORE      # of the old commit
    python -m tests.contract.record AFTER       # of the new one; then: diff -r BEFORE AFTER

Numbers are equal to the last bit only on the same processor, so both are recorded on one machine.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TINY: dict[str, dict[str, dict[str, Any]]] = {
    "distillation": {
        "plain": dict(student="mlp30", train_size=100, epochs=2, seeds=2, teacher_data="same"),
        "controls": dict(train_size=50, epochs=1, seeds=1, arm_smoothing=True,
                         arm_shuffled=True, arm_same_labels=True, bug="mean"),
        "hints": dict(train_size=50, epochs=1, seeds=1, teacher_data="same", method="hints"),
        "left out": dict(student="mlp30", train_size=100, epochs=1, seeds=1, left_out="3"),
    },
    "transfer": {
        "plain": dict(task="low_high", labels_per_class=2, epochs=2, seeds=2, source_epochs=1, network="small",
                      fresh_source=True),
        "rotated": dict(task="rotated", labels_per_class=2, epochs=1, seeds=1, source_epochs=1, network="small",
                        fresh_source=True),
    },
    "multitask": {
        "plain": dict(tasks="digit_parity", body="small", train_size=50, epochs=2, seeds=2),
        "surgery": dict(tasks="two_digits", body="small", train_size=50, epochs=1, seeds=1, weighting="pcgrad"),
        "angle": dict(tasks="digit_angle", body="small", train_size=50, epochs=1, seeds=1,
                      weighting="uncertainty"),
    },
    "meta_learning": {
        "plain": dict(iterations=3, meta_batch=2, seeds=2, shots=2, queries=2, reptile=True),
        "digits": dict(problem="digits", shots=1, iterations=1, meta_batch=1, queries=1, seeds=1),
    },
}  # fmt: skip
PAGES = ["", "distillation", "transfer", "multitask", "meta_learning", "draw", "teacher", "pitfalls", "history",
         "sweep", "summary"]  # fmt: skip
COMMANDS = [
    "",
    "data",
    "backbone",
    "distill",
    "transfer",
    "multitask",
    "meta",
    "hinton",
    "sweep",
    "export",
    "inspect",
]
TIMES = re.compile(r'"(seconds|latency_ms|created|teacher_created|megabytes[^"]*|seconds[^"]*)":[^,}\]]+')


def without_times(result: Any) -> str:
    """A Result's JSON, indented, without what the clock or the machine says."""
    whole = json.loads(TIMES.sub(r'"\1":0', result.model_dump_json()))
    for arm in whole["arms"]:
        for trial in arm["trials"]:
            if trial["weights"]:
                trial["weights"] = hashlib.sha256(trial["weights"].encode()).hexdigest()
    return json.dumps(whole, indent=1, ensure_ascii=False)


def runs(folder: Path, queued: bool) -> None:
    """Tiny runs of each technique, in this process or through the queue."""
    import torch

    from kd_core.data.digits import load_uci_digits
    from kd_core.results.schema import Result

    torch.set_num_threads(1)
    data = load_uci_digits()
    for name, kinds in TINY.items():
        technique = import_module(f"kd_core.{name}")
        for kind, values in kinds.items():
            settings = technique.Settings(**values, device="cpu", precision="float32")
            if queued:
                view = queue().submit(settings).wait(600)
                assert view.result is not None, (name, kind, str(view.problem))
                result = view.result
            else:
                result = [event for event in technique.run(settings, data) if isinstance(event, Result)][-1]
            (folder / f"{name}, {kind}.json").write_text(without_times(result), encoding="utf-8")


def queue() -> Any:
    """The queue of the app."""
    from app.runs.server import queue as of_app

    return of_app()


def hashes() -> str:
    """The key of default settings and of each with one field changed."""
    lines = []
    for name in TINY:
        settings = import_module(f"kd_core.{name}").Settings
        concrete = {"device": "cpu", "precision": "float32"}
        for field, spec in settings.specs().items():
            if spec.choices:
                values = [*spec.choices]
            elif spec.kind is bool:
                values = [True, False]
            else:
                values = [spec.low, spec.high]
            for value in values:
                if value == "auto":
                    continue
                made = settings(**(concrete | {field: value}))
                lines.append(f"{name} {field}={value} {made.key(1, 'MNIST')} {made.trials_key(2, 'UCI')}")
            lines.append(
                f"{name} {field} {spec.allowed} {spec.label!r} {spec.help!r} {spec.default!r} {spec.marks}"
            )
    return "\n".join(lines)


def helped() -> str:
    """What `--help` says of every command."""
    said = []
    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "kd_core", *filter(None, [command]), "--help"], cwd=ROOT,
            capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "100"},
        )  # fmt: skip
        said.append(done.stdout)
    return "\n\n".join(said)


def tree(block: Any, depth: int = 0) -> Iterator[str]:
    """A page's elements: what they are and what they say, each on a line of its own; figures by their hash."""
    for child in block.children.values():
        proto = getattr(child, "proto", None)
        text = re.sub(r"\b[0-9a-f]{32,}\b|(?m:^id: .*$)", "", str(proto)) if proto is not None else ""
        text = re.sub(r"\d+(\.\d+)? (ms|MB)\b", "N", text)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        said = str(getattr(child, "value", "") or getattr(child, "label", ""))[:200].replace("\n", " ")
        yield f"{'  ' * depth}{child.type} {said} {digest}"
        if hasattr(child, "children"):
            yield from tree(child, depth + 1)


def pages(folder: Path) -> None:
    """Every page that there is, in both languages, as a script."""
    from streamlit.testing.v1 import AppTest

    for page in PAGES:
        file = ROOT / "pages" / f"{page or 'overview'}.py"
        if not file.exists():
            continue
        for language in ("en", "zh"):
            at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
            at.session_state["more"] = True
            at.query_params["lang"] = language
            at.run()
            if page:
                at.switch_page(f"pages/{page}.py")
                at.run()
            assert not at.exception, page
            lines = [*tree(at.sidebar), "", *tree(at.main)]
            (folder / f"{page or 'overview'}.{language}.txt").write_text("\n".join(lines), encoding="utf-8")


def main(into: Path) -> None:
    for part in ("alone", "queued", "pages"):
        (into / part).mkdir(parents=True, exist_ok=True)
    (into / "hashes.txt").write_text(hashes(), encoding="utf-8")
    (into / "help.txt").write_text(helped(), encoding="utf-8")
    pages(into / "pages")
    runs(into / "alone", queued=False)
    runs(into / "queued", queued=True)
    os._exit(0)  # the queue's workers end with this process


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as kept:
        os.environ["KD_DATABASE_URL"] = f"sqlite:///{Path(kept) / 'lab.db'}"
        os.environ.setdefault("KD_WORKERS", "2")
        main(Path(sys.argv[1]))
