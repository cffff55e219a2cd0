"""pandas is imported in one piece, in a process of its own: here it is there already."""

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
SLOW = """
import threading, time
begun.set()
time.sleep(1)
Series = Index = DataFrame = type("Frame", (), {})
"""
SCRIPT = """
import builtins, sys, threading
builtins.begun = threading.Event()  # set by the module in the middle of whose import another thread draws
from app.draft import Draft
from app.whole import drawing, pandas
figure = Draft().add_scatter(x=[1, 2], y=[3, 4]).update_layout(height=300).figure()
importing = threading.Thread(target=pandas if sys.argv[1] == "turns" else lambda: __import__("pandas"))
importing.start()
begun.wait()
with drawing():
    print(figure.layout.height, hasattr(sys.modules["pandas"], "Series"))
importing.join()
"""


def draw_meanwhile(tmp_path, how):
    (tmp_path / "pandas.py").write_text(SLOW, encoding="utf-8")
    path = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n"
    command = [sys.executable, "-c", path + textwrap.dedent(SCRIPT), how]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_figure_waits_until_pandas_is_there_as_a_whole(tmp_path):
    assert draw_meanwhile(tmp_path, "turns").stdout.split() == ["300", "True"]


def test_without_taking_turns_plotly_meets_half_of_it(tmp_path):
    assert "has no attribute 'Series'" in draw_meanwhile(tmp_path, "at once").stderr
