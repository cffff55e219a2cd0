"""The compiled convolution gives torch's values and gradients, and does without where it cannot be had."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kd_core.nn import fastconv
from kd_core.nn.conv_pool import ConvPool, _filled_up
from kd_core.nn.networks import build, initialise
from kd_core.results.provenance import provenance
from kd_core.runs.entry import machine_of
from tests.missing import missing


@pytest.fixture(autouse=True)
def _there():
    if fastconv.built() is None:
        missing("there is no C compiler that works", "KD_REQUIRE_COMPILER")


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def usual(x, weight, bias):
    """The same by torch's own functions."""
    return F.max_pool2d(F.conv2d(x, weight, bias), 2).relu()


def values(net, x, arrives, function=None):
    """What comes out and all gradients, of `net` or of `function` on its weights."""
    x = x.clone().requires_grad_(x.shape[1] > 1)
    weight, bias = net.weight, net.bias
    pooled = net(x) if function is None else function(x, weight, bias)
    inputs = [weight, bias, x] if x.requires_grad else [weight, bias]
    return pooled, *torch.autograd.grad(pooled, inputs, arrives.to(pooled))


def decided(x, net):
    """Where in float32 it is certain which value of a window wins, and on which side of 0: elsewhere the gradient
    goes another way after another rounding."""
    seen = F.conv2d(x.double(), net.weight.double(), net.bias.double())
    rows, columns = (size // 2 for size in seen.shape[2:])
    windows = seen[:, :, : 2 * rows, : 2 * columns].unflatten(3, (columns, 2)).unflatten(2, (rows, 2))
    first, second = windows.permute(0, 1, 2, 4, 3, 5).flatten(4).topk(2).values.unbind(-1)
    return (first - second > 1e-5) & (first.abs() > 1e-5)


def network(inputs, outputs):
    net = ConvPool(inputs, outputs)
    initialise(net, torch.Generator().manual_seed(1))
    return net.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("last", [True, False])
@settings(max_examples=25)
@given(
    images=st.integers(0, 5), height=st.integers(4, 13), width=st.integers(4, 13),
    inputs=st.sampled_from([1, 5, 12, 16, 23, 32]), outputs=st.sampled_from([3, 16, 23, 48, 64]),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_values_and_gradients_are_torchs(last, images, height, width, inputs, outputs, seed):
    x = draw(images, inputs, height, width, seed=seed)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    net = network(inputs, outputs)
    assert fastconv.serves(*_filled_up(x, net.weight, net.bias)[:2])
    arrives = draw(images, outputs, (height - 2) // 2, (width - 2) // 2, seed=seed + 1) * decided(x, net)
    expected = values(copy.deepcopy(net).double(), x.double(), arrives, usual)
    for ours, theirs in zip(values(net, x, arrives), expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, atol=2e-5, rtol=2e-5)
    with torch.no_grad():
        torch.testing.assert_close(net(x).double(), expected[0], atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 16), (16, 32)])
def test_of_equal_values_the_first_has_the_gradient_as_in_torch(inputs, outputs):
    net, x = network(inputs, outputs), torch.ones(2, inputs, 8, 8)
    x[1] = draw(inputs, 8, 8).round()  # few different values
    with torch.no_grad():
        net.weight.copy_(net.weight.sign())  # whole numbers: equal is equal, whatever the order of sums
        net.bias.fill_(1)
    arrives = draw(2, outputs, 3, 3)
    for ours, theirs in zip(values(net, x, arrives), values(net, x, arrives, usual), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 16), (16, 32)])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_lost(inputs, outputs, bad):
    net = network(inputs, outputs)
    for at in range(36):
        x = draw(1, inputs, 6, 6)
        x[0, 0].view(-1)[at] = bad
        with torch.no_grad():
            torch.testing.assert_close(net(x), usual(x, net.weight, net.bias), equal_nan=True, atol=1e-5, rtol=1e-5)


def test_it_repeats_to_the_last_bit_however_many_threads_torch_has():
    net, x, arrives = network(16, 32), draw(7, 16, 12, 12), draw(7, 32, 5, 5)
    one = values(net, x, arrives)
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        assert fastconv.serves(x, net.weight)
        for first, again in zip(one, values(net, x, arrives), strict=True):
            assert torch.equal(first, again)


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 16), (16, 32), (12, 23)])
def test_gradients_have_gradients(inputs, outputs):
    net, x = network(inputs, outputs), draw(3, inputs, 8, 8)
    found = []
    for pooled in (net(x), usual(x, net.weight, net.bias)):
        first = torch.autograd.grad(pooled.square().sum(), [net.weight, net.bias], create_graph=True)
        found.append(torch.autograd.grad(sum(g.square().sum() for g in first), net.weight)[0])
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    ("shape", "outputs", "dtype"),
    [((2, 3, 8, 8), 16, torch.float32), ((2, 1, 8, 8), 4, torch.float32), ((2, 1, 8, 8), 16, torch.float64),
     ((2, 1, 3, 8), 16, torch.float32), ((2, 1, 1, 1), 16, torch.float32), ((2, 1, 100, 100), 16, torch.float32)],
)  # fmt: skip
def test_what_it_was_not_made_for_is_left_to_torch(shape, outputs, dtype):
    x, weight = torch.zeros(shape, dtype=dtype), torch.zeros(outputs, shape[1], 3, 3, dtype=dtype)
    assert not fastconv.serves(x, weight)
    with pytest.raises(ValueError, match="does not serve"):
        fastconv.convolve_pool(x, weight, torch.zeros(outputs, dtype=dtype), False)


def test_the_gradient_of_one_channel_is_left_to_torch():
    net, x = network(1, 16), draw(2, 1, 8, 8).requires_grad_()
    assert not fastconv.serves(x, net.weight)
    assert torch.autograd.grad(net(x).sum(), x)[0].abs().sum() > 0


ANSWER = """
import torch
from kd_core.nn import fastconv
from kd_core.nn.networks import build
torch.set_num_threads(1)
net = build("article", "student", torch.Generator().manual_seed(0))
print(fastconv.available(), f"{net(torch.ones(1, 1, 28, 28)).sum():.5f}")
"""


@pytest.fixture
def kept_in(monkeypatch, tmp_path):
    """The folder of libraries of a computer that has none yet."""
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path / "data"))
    yield tmp_path / "data" / "compiled"
    fastconv.built.cache_clear()


@pytest.fixture
def ask(monkeypatch, kept_in, capfd):
    """Asks what a process that starts with these variables says of the compiled pass, and computes."""

    def asked(**environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))
        fastconv.built.cache_clear()
        exec(ANSWER, {})
        told = capfd.readouterr()
        assert not told.err
        return told.out.split()

    return asked


def test_it_is_compiled_once_and_kept_and_without_a_compiler_torch_does_it(ask, kept_in):
    kept = kept_in / f"{fastconv.identity()}.so"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"broken")  # such a library is made again
    made = ask()
    assert list(kept_in.iterdir()) == [kept]
    assert kept.read_bytes() != b"broken"
    when = kept.stat().st_mtime_ns
    assert ask() == made  # the second time it is there
    assert (list(kept_in.iterdir()), kept.stat().st_mtime_ns) == ([kept], when)
    without = ask(CC="/nowhere/cc")
    assert (made[0], without[0]) == ("True", "False")
    assert float(made[1]) == pytest.approx(float(without[1]), abs=1e-4)


@pytest.mark.parametrize("fault", ["refuses", "fails", "writes nonsense", "makes another library"])
def test_a_compiler_that_does_not_work_is_done_without(ask, tmp_path, fault):
    compiler = tmp_path / "compiler"
    made = {
        "fails": "exit 1",
        "writes nonsense": 'echo nonsense > "$7"',
        "makes another library": 'echo | cc -shared -x c - -o "$7"',
    }
    answers = f'case "$*" in *-dM*) exit 0;; esac; {made[fault]}' if fault in made else "exit 1"
    compiler.write_text(f"#!/bin/sh\n{answers}\n")
    compiler.chmod(0o755)
    assert ask(CC=compiler)[0] == "False"


def test_a_compiler_whose_name_cannot_be_read_is_done_without(ask):
    assert ask(CC='"cc')[0] == "False"


@pytest.mark.proof
def test_a_folder_that_cannot_be_written_is_done_without(ask, kept_in):
    kept_in.parent.write_text("a file where a folder should be")
    assert ask()[0] == "True"


def test_training_takes_it():
    """The article's student at least; else all of the above would be for nothing."""
    net = build("article", "student", torch.Generator().manual_seed(0))
    assert net(torch.zeros(2, 1, 28, 28)).grad_fn is not None
    x = torch.zeros(2, 1, 26, 26)
    for layer in (net[0], net[3]):
        assert fastconv.serves(x, layer.weight)
        x = layer(x)
        assert "Compiled" in type(x.grad_fn).__name__


def test_trials_of_other_convolutions_are_not_pooled(monkeypatch):
    """They differ in rounding: the store keeps apart what is not the same to the last bit."""
    here = provenance(0.0, "cpu", None)
    assert fastconv.identity()
    assert here.convolutions == fastconv.identity()
    monkeypatch.setattr(fastconv, "available", lambda: False)
    without = provenance(0.0, "cpu", None)
    assert without.convolutions == ""
    assert machine_of(without) != machine_of(here)
