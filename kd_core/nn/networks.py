"""The networks: the article's teacher and student, and Hinton's fully connected ones.

All take images [N, 1, 28, 28] and give logits [N, C], of ten classes unless told. Weights are drawn from the
generator that is handed in, never from torch's global one, so a seed means the same network wherever it is built.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from kd_core.nn.conv_pool import ConvPool

CLASSES = 10


class Dropout(nn.Module):
    """Inverted dropout whose mask comes from a generator of its own: x * mask / (1 - p) while training.

    torch.nn.Dropout draws from the global generator, which would tie a run's numbers to whatever
    else the process has drawn. Srivastava et al. 2014.
    """

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        """Any shape in, the same shape out; the identity in evaluation mode."""
        if not self.training:
            return x
        drawn = torch.rand(x.shape, generator=self.generator, device=self.generator.device)
        return x * drawn.ge_(self.p).div_(1 - self.p).to(x)  # one product to remember for the gradient


def article_cnn(first: int, second: int, dense: int, classes: int = CLASSES) -> nn.Sequential:
    """The article's form of network: Conv3x3-pool-Conv3x3-pool-Dense-Dense(classes), ReLU, no padding.

    Keras's defaults in its listing: 28 -> 26 -> 13 -> 11 -> 5, so 25 * second values reach the
    dense layer. (32, 64, 64) is its teacher with 121,930 parameters, (16, 32, 32) its student.
    Where pooling and ReLU would be layers of their own there are gaps: kept networks name their tensors by place.
    """
    return nn.Sequential(
        ConvPool(1, first), nn.Identity(), nn.Identity(),
        ConvPool(first, second), nn.Identity(), nn.Identity(),
        nn.Flatten(), nn.Linear(25 * second, dense), nn.ReLU(), nn.Linear(dense, classes),
    )  # fmt: skip


def crop_to_receptive_field(model: nn.Module, images: Tensor) -> Tensor:
    """Crop images [N, 1, H, W] to what the answers of `model` depend on; a copy, or the images themselves.

    Pooling leaves out an odd last row and column: of 28 pixels a side the article's networks use 26 (26 -> 24 ->
    12 -> 10 -> 5), and their answers are the same to rounding without the others, for five sixths of the work.
    """
    if not any(isinstance(module, ConvPool) for module in model.modules()):
        return images
    height, width = (4 * (((side - 2) // 2 - 2) // 2) + 6 for side in images.shape[-2:])
    return images[..., :height, :width].contiguous()


def mlp(width: int, dropout: float, generator: torch.Generator, classes: int = CLASSES) -> nn.Sequential:
    """784-width-width-classes with ReLU, dropout on the hidden layers: Hinton, Vinyals, Dean 2015, section 3."""

    def hidden(fan_in: int) -> Iterator[nn.Module]:
        yield nn.Linear(fan_in, width)
        yield nn.ReLU()
        if dropout:
            yield Dropout(dropout, generator)

    return nn.Sequential(nn.Flatten(), *hidden(784), *hidden(width), nn.Linear(width, classes))


def build(
    name: str, role: str, generator: torch.Generator, device: str = "cpu", classes: int = CLASSES
) -> nn.Sequential:
    """The network called `name` in the role of "teacher" or "student", initialised from `generator`.

    Names: "article" (either role), "cnn<width>", its form of another width, "mlp<width>"; a teacher's mlp has
    dropout 0.5, as Hinton's; "jittered" is his teacher, a mlp1200 that is trained on moved images
    (`teachers.RECIPES`), with dropout 0.25: these differ each time they are seen, and with more dropout as few
    errors take more epochs.
    Raises ValueError naming the names there are.
    """
    masks = torch.Generator(device).manual_seed(generator.initial_seed() + 1)
    with torch.device("meta"):  # shapes only: torch's own initialisation would use the global generator
        if name == "article":
            model = article_cnn(*((32, 64, 64) if role == "teacher" else (16, 32, 32)), classes)
        elif name.startswith("cnn") and name[3:].isdigit():
            first = int(name[3:])
            model = article_cnn(first, 2 * first, 2 * first, classes)
        elif name == "jittered":
            model = mlp(1200, 0.25, masks, classes)
        elif name.startswith("mlp") and name[3:].isdigit():
            model = mlp(int(name[3:]), 0.5 if role == "teacher" else 0.0, masks, classes)
        else:
            raise ValueError(f"no network called {name!r}; there are 'article', 'cnn<width>' and 'mlp<width>'")
    model = model.to_empty(device="cpu")
    initialise(model, generator)
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Fill weights and biases from U(-b, b), b = 1 / sqrt(fan_in), torch's own default, from `generator`."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                bound = 1 / math.sqrt(module.weight[0].numel())
                for parameter in module.parameters():
                    parameter.uniform_(-bound, bound, generator=generator)
