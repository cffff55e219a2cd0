"""Images that stay bytes are, where they are taken, those of the tensor of all to the last bit."""

import numpy as np
import pytest
import torch

from kd_core.data.digits import FEW, Split, load_mnist, split_of
from kd_core.data.mnist import MD5
from kd_core.data.stored import StoredImages
from kd_core.data.variants import inverted, only, random_labels, rotated, shuffled_pixels
from kd_core.nn.evaluation import predict
from kd_core.nn.networks import build
from kd_core.nn.training import inputs_of
from kd_core.paths import mnist_folder


@pytest.fixture
def pixels():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (300, 1, 28, 28), generator=generator, dtype=torch.uint8)


@pytest.fixture
def stored(pixels):
    return StoredImages(pixels)


@pytest.fixture
def whole(pixels):
    """As the field writes it."""
    return (pixels.to(torch.float32) / 255 - 0.1307) / 0.3081


@pytest.mark.parametrize("places", [
    slice(None), slice(3, 90, 7), slice(290, 400), [5, 5, 0], torch.tensor([299, 0, 7]), torch.arange(300) % 3 == 0,
    slice(0, 0),
])  # fmt: skip
def test_what_is_taken_is_that_of_the_tensor(stored, whole, places):
    taken = stored[places]
    assert taken.dtype == torch.float32
    assert torch.equal(taken, whole[places])
    assert torch.equal(stored[places], taken), "what is stored is left as it was"


def test_it_is_split_and_measured_as_the_tensor_is(stored, whole):
    assert stored.shape == whole.shape
    assert len(stored) == 300
    for mine, its in zip(stored.split(128), whole.split(128), strict=True):
        assert torch.equal(mine, its)


def test_some_of_some_of_them_changed_twice(stored, whole):
    odd, few = torch.arange(1, 300, 2), torch.tensor([100, 3, 3])
    white = stored.chosen(odd).changed(lambda images: 1 - images).chosen(few).changed(lambda images: images.flip(3))
    assert torch.equal(white[:], (1 - whole[odd][few]).flip(3))
    assert torch.equal(white[[2]], (1 - whole[odd][few]).flip(3)[[2]])


@pytest.mark.parametrize("given", [torch.zeros(2, 1, 28, 28), torch.zeros(2, 28, 28, dtype=torch.uint8)])
def test_anything_but_bytes_is_refused_with_its_shape(given):
    with pytest.raises(ValueError, match=r"was given; uint8 \[N, 1, H, W\] is expected"):
        StoredImages(given)


def test_a_split_gives_few_as_a_tensor_and_many_still_stored(stored):
    split = Split(StoredImages(torch.zeros(FEW + 2, 1, 28, 28, dtype=torch.uint8)), torch.arange(FEW + 2) % 10)
    assert isinstance(split.chosen(torch.arange(FEW)).stored, torch.Tensor)
    many = split.chosen(torch.arange(FEW + 1))
    assert isinstance(many.stored, StoredImages)
    assert len(many.stored) == len(many.labels) == FEW + 1


@pytest.mark.parametrize("change", [
    rotated, inverted, lambda digits: only(digits, range(3, 6)),
    lambda digits: shuffled_pixels(digits, torch.Generator().manual_seed(1)),
    lambda digits: random_labels(digits, torch.Generator().manual_seed(1)),
])  # fmt: skip
def test_digits_made_of_stored_ones_are_those_made_of_tensors(mnist, change):
    def first(split, size):
        return split.chosen(torch.arange(size))

    kept = type(mnist)(mnist.name, *(first(part, 400) for part in (mnist.train, mnist.validation, mnist.test)), ())
    bytes_of = [Split(part.stored.chosen(torch.arange(400)), part.labels[:400])
                for part in (mnist.train, mnist.validation, mnist.test)]  # fmt: skip
    made, its = change(type(mnist)(mnist.name, *bytes_of, ())), change(kept)
    for part in ("train", "validation", "test"):
        mine, theirs = getattr(made, part), getattr(its, part)
        assert torch.equal(mine.images, theirs.images)
        assert torch.equal(mine.labels, theirs.labels)


def test_a_network_is_given_and_answers_the_same(stored, whole):
    network, places = build("article", "student", torch.Generator().manual_seed(0)), torch.tensor([5, 200, 5])
    for all_of_it in (False, True):
        assert torch.equal(
            inputs_of(network, stored, all_of_it)(places), inputs_of(network, whole, all_of_it)(places)
        )
    assert torch.equal(predict(network, stored), predict(network, whole))


def test_mnist_is_mapped_from_its_files_and_none_is_written(mnist):
    file = mnist_folder() / "train-images-idx3-ubyte"
    before = file.stat().st_mtime_ns
    idx = np.memmap(file, dtype=np.uint8, mode="c")
    labels = np.fromfile(mnist_folder() / "train-labels-idx1-ubyte", dtype=np.uint8)
    images = split_of(idx, labels).stored
    assert torch.equal(images[:5], mnist.train.stored[:5])
    assert images._pixels.data_ptr() == idx.ctypes.data + 16, "not copied"
    idx[16:800] = 0  # of this process alone
    assert torch.equal(load_mnist().train.stored[:5], mnist.train.stored[:5])
    assert file.stat().st_mtime_ns == before
    assert len(MD5) == 4
