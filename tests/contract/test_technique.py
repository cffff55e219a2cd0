"""What every technique of the lab must pass; `test_toy.py` runs the same for a fifth one."""

import io
import json
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pandas as pd
import plotly.graph_objects as go
import pytest
import torch

from app import techniques as views
from app.controls.link import address
from app.history import comparing, importing, table
from app.i18n.text import Translate
from app.reports import files, handout
from app.results.comparison import comparison
from app.runs import panel
from kd_core.cli.main import main
from kd_core.results.comparability import ends, group, main_arms, score
from kd_core.results.events import Evaluation, Step
from kd_core.results.schema import Result
from kd_core.results.statistics import validation
from kd_core.settings.fields import written
from kd_core.sweeps.plan import Plan, presets, varied
from kd_core.sweeps.sweep import Sweeps
from kd_core.techniques import NAMES, TECHNIQUES
from tests.contract.record import without_times
from tests.pages import open_page, started, texts

ROOT = Path(__file__).parents[2]
# With the bundled teacher, and a source network that is trained once on a computer.
QUICK = {
    "distillation": dict(student="mlp30", train_size=50, epochs=1, seeds=2),
    "transfer": dict(labels_per_class=1, epochs=1, seeds=2, source_epochs=1, network="small"),
    "multitask": dict(tasks="digit_parity", body="small", train_size=50, epochs=1, seeds=2),
    "meta_learning": dict(iterations=2, meta_batch=1, seeds=2, shots=2, queries=2),
}
BADGE = "recorded on"  # over a Result that came with the lab
ENGLISH, CHINESE = Translate("en"), Translate("zh")
pytestmark = pytest.mark.parametrize("name", NAMES)


def tiny(name):
    """Settings of a run of a second or so; a technique that is not known here is quick by default."""
    values = QUICK.get(name, {})
    concrete = {"device": "cpu", "precision": "float32"}
    specs = TECHNIQUES[name].settings.specs()
    return TECHNIQUES[name].settings(**values, **{field: to for field, to in concrete.items() if field in specs})


@pytest.fixture
def queue():
    """The one behind the pages, with two workers, which share a trial's jobs."""
    return panel.queue()


def opened(name, language="en", **address):
    """The technique's page, at an address that says this."""
    return open_page(
        f"pages/{name}.py", lang=language, **{field: written(value) for field, value in address.items()}
    )


@pytest.fixture(scope="module")
def asked():
    """name -> what the command line printed of a tiny run, and all events of that run; each made once."""
    made = {}

    def of(name):
        if name not in made:
            values = tiny(name).model_dump(exclude_unset=True)
            flags = [part for field, value in values.items()
                     for part in (f"--{field.replace('_', '-')}", written(value))]  # fmt: skip
            events, before = [], torch.get_rng_state()

            def run(_trainer, settings, data):
                assert settings == tiny(name)
                events.extend(import_module(f"kd_core.{name}").run(settings, data))
                yield from events

            with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
                patch.setattr("kd_core.cli.runs.run", run)
                assert main([TECHNIQUES[name].command, *flags, "--workers", "1", "--json"]) == 0
            assert torch.equal(torch.get_rng_state(), before), "the global random state is left alone"
            made[name] = printed.getvalue(), events
        return made[name]

    return of


@pytest.fixture
def events(asked):
    """name -> the events of a tiny run in this process."""
    return lambda name: asked(name)[1]


@pytest.fixture
def result(events, name):
    return events(name)[-1]


# What is known of it


def test_it_is_described(name):
    technique = TECHNIQUES[name]
    assert technique.name == technique.settings.technique == name
    assert CHINESE(technique.title) != technique.title
    assert technique.summary.strip()
    assert len({one.command for one in TECHNIQUES.values()}) == len(NAMES)
    assert (ROOT / "pages" / f"{name}.py").is_file()
    assert {*technique.task_fields, *technique.sample_fields} <= technique.settings.specs().keys()
    for pair in technique.answers:
        assert all(CHINESE(sentence) != sentence for sentence in pair)


def test_a_quick_look_is_a_part_of_a_run_and_of_a_small_one_all(name):
    technique = TECHNIQUES[name]
    whole = technique.settings()
    quick = technique.quickly(whole)
    assert technique.settings.parse(technique.quick), "its values are allowed"
    assert technique.quickly(quick) == quick
    assert not technique.is_quick(whole.model_dump())
    if technique.quick:
        assert quick.effort <= whole.effort / 3
        assert len(quick.trial_seeds) > 2, "an interval of two trials says nothing"
        assert technique.is_quick(quick.model_dump())
    assert technique.quickly(tiny(name)) == tiny(name)


def test_every_setting_is_explained_in_both_languages(name):
    for spec in TECHNIQUES[name].settings.specs().values():
        for said in (spec.label, spec.help):
            assert said.strip()
            assert CHINESE(said) != said, said


def test_a_value_is_the_same_after_address_flag_and_json(name):
    settings = TECHNIQUES[name].settings
    for field, spec in settings.specs().items():
        kinds = [*spec.choices, *(["letters-2"] if spec.open else [])] or (
            [True, False] if spec.kind is bool else [spec.low, spec.high, spec.default]
        )
        for value in kinds:
            asked = settings.parse({field: spec.kind(value)})
            assert settings.parse({field: written(getattr(asked, field))} if spec.kind is not bool
                                  else {field: value}) == asked  # fmt: skip
            assert settings.parse_json(asked.model_dump_json()) == asked
            query = dict(parse_qsl(urlsplit(address(name, asked.model_dump())).query))
            assert query == ({} if value == spec.default else {field: written(getattr(asked, field))})


# A run


def test_a_run_tells_steps_and_looks_and_ends_with_one_result(name, events):
    *told, last = events(name)
    assert isinstance(last, Result)
    assert {type(event) for event in told} <= {Step, Evaluation}
    stages = TECHNIQUES[name].settings.stages
    assert {event.stage for event in told} <= stages.keys()
    trials = list(stages)[-1]
    for seed in tiny(name).trial_seeds:
        shares = [e.progress for e in told if isinstance(e, Step) and (e.stage, e.seed) == (trials, seed)]
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1)


def test_run_on_its_page_gives_the_same_to_the_last_bit(name, events):
    at = opened(name, **tiny(name).model_dump(exclude_unset=True))
    at.button(key="run").click().run()
    view = started(at).wait(300)
    assert view.state == "finished", str(view.problem)
    assert without_times(view.result) == without_times(events(name)[-1])
    assert BADGE in texts(opened(name))
    shown = texts(at.run())
    assert not at.exception
    assert str(view.result.verdict.text) in shown
    assert BADGE not in shown


def test_its_result_is_honest(name, result):
    arms = {arm.name: arm for arm in result.arms}
    assert {*main_arms(name, result.settings), result.verdict.arm, result.verdict.baseline} <= arms.keys()
    assert result.verdict.scope, "the verdict says what varies and what does not"
    trained = [arm for arm in result.arms if not arm.shared]
    assert all([trial.seed for trial in arm.trials] == list(tiny(name).trial_seeds) for arm in trained)
    assert all(arm.cost.parameters > 0 and arm.cost.bytes == 4 * arm.cost.parameters for arm in result.arms)
    assert ends(result, main_arms(name, result.settings)).keys() == set(tiny(name).trial_seeds)
    assert group(name, result.settings, result.data.name)[0] == name


def test_it_is_found_again_listed_and_compared(name, result, queue):
    run = queue.submit(tiny(name)).wait(300)
    entry = next(entry for entry in panel.store().history() if entry.id == run.id)
    assert (entry.technique, entry.state) == (name, "finished")
    assert score(name, entry.settings, validation(run.result)) is not None
    (row,) = table.table([entry], table.ranks([entry]), CHINESE, "zh").to_dict("records")
    assert row["technique"] == CHINESE(TECHNIQUES[name].title)
    assert comparing.answers([run.result, result])
    assert comparing.side_by_side([run.result, result], {"A": "#000000", "B": "#000000"}, ENGLISH)


def test_it_is_taken_away_and_read_in_again(name, result):
    assert importing.read(files.json(result).encode()) == result.without_networks()
    read = pd.read_csv(io.StringIO(files.csv(result)))
    assert len(read) == sum(len(arm.trials) for arm in result.arms)
    assert read["test_errors"].isna().all() == (result.measure != "errors") == read["query_loss"].notna().all()
    assert f"from kd_core import {name} as technique" in files.script(result)
    for language in (ENGLISH, CHINESE):
        assert language(TECHNIQUES[name].title) in handout.html(result, language)
    assert comparison(result, ENGLISH)


def test_its_sweeps_can_be_made_and_a_small_one_is(name, queue, tmp_path):
    for preset in TECHNIQUES[name].sweeps:
        presets()[preset].plan.check()
    settings = tiny(name)
    field, spec = next((n, s) for n, s in varied(type(settings)).items() if s.kind in (int, float) and n != "seeds")
    low = getattr(settings, field)
    values = (low, low + (spec.step or 1)) if low + (spec.step or 1) <= spec.high else (low - (spec.step or 1), low)
    kept = {n: v for n, v in settings.model_dump(exclude_unset=True).items() if n != field} | {"seeds": 1}
    plan = Plan.read(name, [f"{field}={','.join(map(written, values))}"], kept)
    sweeps = Sweeps(queue, f"sqlite:///{tmp_path / 'maps.db'}")
    view = sweeps.start(plan).wait(300)
    sweeps.close()
    assert [cell.state for cell in view.cells] == ["finished", "finished"]


def test_the_command_line_runs_it(name, asked):
    printed, events = asked(name)
    assert json.loads(printed) == json.loads(events[-1].model_dump_json())


# How it is shown


def test_it_has_a_card_a_look_for_each_arm_and_pictures(name, result):
    view = views.view(name)
    for said in (view.card.moves, view.card.sentence, *view.titles.values(), view.further(())):
        assert CHINESE(said) != said, said
    assert view.card.drawing.startswith("<svg")
    assert {arm.name for arm in result.arms} <= views.styles().keys()
    drawn = list(view.drawings(result, CHINESE))
    assert drawn
    assert all(isinstance(figure, go.Figure) for _title, figure, _below in drawn)
    view.drawn(result)


def test_it_has_a_lesson_and_a_talk_in_both_languages(name):
    for step in (*views.lesson(name), *views.talk(name)):
        assert CHINESE(step.title) != step.title, step.title
    assert sum(step.runs for step in views.talk(name)) == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_overview_leads_to_its_page_and_the_page_opens(name, language):
    assert open_page("pages/overview.py", lang=language).button(key=f"open_{name}")
    at = opened(name, language)
    assert at.title[0].value == Translate(language)(TECHNIQUES[name].title)
    assert at.button(key="run")
