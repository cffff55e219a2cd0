"""The images that the page shows are those the networks were tested on."""

import subprocess
import sys

import numpy as np
import pytest

from kd_core.data import digits as data
from kd_core.data import pixels, variants
from kd_core.messages import Problem


def test_mnist_is_the_test_split(mnist):
    images, labels = pixels.test_images("MNIST"), pixels.test_labels("MNIST")
    assert images.shape == (10_000, 28, 28)
    np.testing.assert_array_equal(images.reshape(10_000, -1), data.pixels(mnist.test.images).numpy())
    np.testing.assert_array_equal(labels, mnist.test.labels.numpy())
    some = [0, 4027, 9999]
    seen = pixels.network_inputs("MNIST", some)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, mnist.test.images[some].numpy(), atol=1e-6)


def test_uci_digits_are_the_test_split(uci):
    images = pixels.test_images("UCI digits")
    assert images.dtype == np.uint8
    np.testing.assert_allclose(images.reshape(400, -1), data.pixels(uci.test.images).numpy(), atol=1)  # rounding
    np.testing.assert_array_equal(pixels.test_labels("UCI digits"), uci.test.labels.numpy())
    seen = pixels.network_inputs("UCI digits", range(400))
    np.testing.assert_allclose(seen, uci.test.images.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "derived",
    [lambda d: variants.only(d, range(5, 10)), variants.rotated, variants.inverted],
    ids=["only", "rotated", "inverted"],
)
@pytest.mark.parametrize("base", ["mnist", "uci"])
def test_derived_data_sets_are_shown_as_they_are(derived, base, request):
    digits = derived(request.getfixturevalue(base))
    images = pixels.test_images(digits.name)
    np.testing.assert_allclose(
        images.reshape(len(digits.test), -1), data.pixels(digits.test.images).numpy(), atol=1
    )
    np.testing.assert_array_equal(pixels.test_labels(digits.name), digits.test.labels.numpy())
    some = [0, 7, len(digits.test) - 1]
    np.testing.assert_allclose(
        pixels.network_inputs(digits.name, some),
        digits.test.images[some].numpy(),
        atol=1e-5 if base == "mnist" else 0.01,
    )


def test_uci_split_leaves_nothing_out_and_nothing_twice(uci):
    labels = np.concatenate([part.labels.numpy() for part in (uci.train, uci.validation, uci.test)])
    parts = pixels.uci_split(labels)
    assert [len(part) for part in parts] == [1197, 200, 400]
    assert sorted(np.concatenate(parts).tolist()) == list(range(1797))


def test_missing_or_cut_files_and_other_data_are_said_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))
    with pytest.raises(Problem, match="python -m kd_core data"):
        pixels.test_images("MNIST")
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    (folder / "t10k-images-idx3-ubyte").write_bytes(bytes(100))
    with pytest.raises(Problem, match="cannot be shown"):
        pixels.network_inputs("MNIST", [0])
    with pytest.raises(Problem, match="“CIFAR-10”"):
        pixels.test_labels("CIFAR-10")
    with pytest.raises(Problem, match="shuffled pixels"):
        pixels.test_images("UCI digits shuffled pixels")


def test_no_torch_is_needed():
    code = (
        "import sys; from kd_core.data import pixels; import kd_core.export.numpy_forward, app.figures.depth;"
        "import app.reports.files;"
        "pixels.test_images('UCI digits'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
