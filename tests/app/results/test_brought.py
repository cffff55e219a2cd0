"""A data set that somebody has added, on the pages: offered, shown, named, and seen by its owner alone."""

import pytest

from app.history import drawable, importing
from app.i18n.text import Translate
from app.reports import card, files, handout
from app.runs import seen as of_person
from app.runs.seen import NUMBERS_ONLY, numbers_only
from kd_core import distillation, transfer
from kd_core.cli.export import trained_on
from kd_core.data import own
from kd_core.nn import teachers
from kd_core.results.schema import Result
from tests import brought
from tests.pages import open_page, texts

# Words of people, which are no Markdown and no HTML
NAMES = ("<b>cat</b>", "*dog*", "car_1", "[a](http://x.example)", "$x$", *"FGHIJKLMNOPQRSTUVWXYZ")
EN, ZH = Translate("en"), Translate("zh")
QUICK = dict(dataset="pets", seeds=2, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def results(tmp_path_factory, uci):
    """One run of each technique on a set of somebody called "me"."""
    made = {}
    with brought.folder(tmp_path_factory.mktemp("data")), pytest.MonkeyPatch.context() as patch:
        patch.setattr(teachers, "MIN_STEPS", 30)
        brought.add_letters("pets", owner="me", classes=NAMES)
        distil = distillation.Settings(**QUICK, student="mlp30", train_size=50, epochs=2, teacher_epochs=1)
        of_transfer = transfer.Settings(**QUICK, network="small", labels_per_class=1, epochs=1, source_epochs=1)
        for technique, asked in ((distillation, distil), (transfer, of_transfer)):
            *_, result = technique.run(asked, uci)
            assert isinstance(result, Result)
            made[result.technique] = result
        yield made


def opened(monkeypatch, page, person, result=None, **address):
    monkeypatch.setattr(of_person, "visitor", lambda: person)
    at = open_page(f"pages/{page}.py", **address)
    if result is not None:
        at.session_state[f"result_{page}"] = result
        at.run()
        assert not at.exception
    return at


def pictures(at):
    return sum("data:image/png" in str(part.proto) for part in at.get("html"))


def live(at):
    return {part.key for part in at.get("bidi_component")}


@pytest.mark.parametrize("page", ["distillation", "transfer"])
def test_the_choice_is_there_for_whoever_has_a_set(page, results, monkeypatch):
    at = opened(monkeypatch, page, "you")
    assert "dataset" not in [box.key for box in at.selectbox]
    at = opened(monkeypatch, page, "you", dataset="pets")
    assert "pets, which is not allowed" in texts(at)
    at = opened(monkeypatch, page, "me", dataset="pets")
    box = at.selectbox(key="dataset")
    assert box.value == "pets"
    assert len(box.options) == 2
    shown = texts(at)
    assert "26 classes; 520 training" in shown
    assert ". Press Run to train on pets." in shown
    assert pictures(at)
    recorded = {"live_soft_targets", "live_measured", "live_labels_curve"}
    assert not recorded & live(at)
    assert ("task" in [box.key for box in at.selectbox]) is False
    box.set_value("mnist").run()
    assert recorded & live(at)
    assert "dataset" not in at.query_params


@pytest.mark.parametrize("page", ["distillation", "transfer"])
def test_images_are_its_owners_alone(page, results, monkeypatch):
    """Whoever else opens the run sees numbers: no image, nothing about a single one, no network."""
    for person, mine in (("me", True), ("you", False)):
        at = opened(monkeypatch, page, person, results[page], **({"dataset": "pets"} if mine else {}))
        assert ("One image" in [one.label for one in at.tabs]) is mine
        assert ("brought_answers" in live(at)) is mine
        for tab in ("Fixed and broken", "Confusion", "Export"):
            at.session_state["tab"] = tab
            at.run()
            assert not at.exception
            assert (NUMBERS_ONLY.text in texts(at)) is not mine
            assert bool(pictures(at)) is (
                mine and tab != "Export" and bool(results[page].arms[0].trials[0].mistakes)
            )


@pytest.mark.parametrize("technique", ["distillation", "transfer"])
def test_files_name_the_classes_and_leave_out_what_is_not_ones_own(technique, results):
    result = results[technique]
    for language in (EN, ZH):
        report = handout.html(result, language)
        assert "cat" in report
        assert "<b>cat" not in report
        hidden = handout.html(numbers_only(result), language)
        assert '<img src="data:image' not in hidden
        assert "*dog*" in report
        assert "*dog*" not in hidden
    arm = result.verdict.arm
    assert card.card(result, arm)["Classes"].startswith("<b>cat</b>, *dog*")
    assert trained_on(card.named(result.networks()[arm], card.card(result, arm))) == result.data.name
    assert trained_on(result.networks()[arm]) == "MNIST"
    assert "--dataset pets" in card.card(result, arm)["Repeat the run"]
    assert "'dataset': 'pets'" in files.script(result)
    bare = numbers_only(result)
    assert not bare.networks()
    assert not bare.gallery
    assert "*dog*" not in bare.model_dump_json()
    assert bare.verdict == result.verdict
    drawable.check(result)
    drawable.check(bare)


def test_a_result_of_an_added_set_is_read_in_elsewhere(results):
    result = results["distillation"]
    plain = result.data.model_copy(update={"classes": brought.LETTERS})
    result = result.model_copy(update={"data": plain})
    for given in (result, numbers_only(result)):
        read = importing.read(files.json(given).encode())
        assert read.data == given.data
        assert own.called(read.data.name)
