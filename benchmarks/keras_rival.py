"""Keras's side of `benchmarks/distillation.py`: the same distillation, as Keras's own guides write it.

    python keras_rival.py FILE.npz

Needs requirements-keras.txt and nothing of the lab, so that TensorFlow can live in an environment of its own.
The file holds what all rivals share: images [N, 28, 28, 1], labels, the teacher's weights, each seed's first
student weights, and the logits and the loss that prove both to be copied right. One JSON line says that it is
ready; then each line "epoch SEED" on standard input is answered by one of its seconds and test errors.

It works on one thread, as all rivals do. The training is `Model.fit` on arrays, with a live teacher in
`compute_loss`. `compile` has its defaults: on a machine with CPUs only Keras then does without XLA, which was two
to three times slower here when it was forced.
"""

import argparse
import json
import os
import sys
import time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


def article_cnn(first: int, second: int, dense: int) -> keras.Sequential:
    """The article's form of network, layer by layer as in its listing; gives logits."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(first, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(second, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(dense, activation="relu"),
            layers.Dense(10),
        ]
    )


class Distiller(keras.Model):
    """The student, trained on the soft targets of a teacher that is asked in every step, and on the labels."""

    def __init__(self, student: keras.Model, teacher: keras.Model, temperature: float, alpha: float) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher
        self.temperature, self.alpha = temperature, alpha
        teacher.trainable = False

    def call(self, inputs: Any, training: Any = None) -> Any:
        """The student's logits."""
        return self.student(inputs, training=training)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """alpha T² KL(teacher || student) + (1 - alpha) cross-entropy, the mean over the batch."""
        log_p = ops.log_softmax(self.teacher(x, training=False) / self.temperature)
        log_q = ops.log_softmax(y_pred / self.temperature)
        divergence = ops.mean(ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1))
        hard = keras.losses.sparse_categorical_crossentropy(y, y_pred, from_logits=True)
        return self.alpha * self.temperature**2 * divergence + (1 - self.alpha) * ops.mean(hard)


def weights(shared: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    """The arrays called "name_0", "name_1", … of the file."""
    return [shared[f"{name}_{i}"] for i in range(8)]


def check(distiller: Distiller, shared: dict[str, np.ndarray]) -> None:
    """Refuse to race with a teacher or a loss that is not the lab's. Raises AssertionError."""
    images, labels = shared["test_images"][:100], shared["test_labels"][:100]
    np.testing.assert_allclose(distiller.teacher(images), shared["teacher_logits"], rtol=1e-3, atol=1e-3)
    loss = distiller.compute_loss(images, labels, distiller.student(images))
    np.testing.assert_allclose(float(loss), float(shared["loss"]), rtol=1e-4)


def say(**what: object) -> None:
    """One JSON line to the main script."""
    print(json.dumps(what), flush=True)


def main() -> None:
    """Get ready, then one epoch for each line read."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    shared = dict(np.load(parser.parse_args().file))
    temperature, alpha, batch, rate = (float(shared[k]) for k in ("temperature", "alpha", "batch", "rate"))
    teacher, student = article_cnn(32, 64, 64), article_cnn(16, 32, 32)
    teacher.set_weights(weights(shared, "teacher"))
    distiller = Distiller(student, teacher, temperature, alpha)
    optimizer = keras.optimizers.Adam(rate)
    distiller.compile(optimizer=optimizer)
    optimizer.build(student.trainable_variables)
    fresh = [variable.numpy() for variable in optimizer.variables]
    student.set_weights(weights(shared, "student_0"))
    check(distiller, shared)
    say(tensorflow=tf.__version__, keras=keras.__version__, XLA="on" if distiller.jit_compile else "off")
    for line in sys.stdin:
        seed = int(line.split()[1])
        student.set_weights(weights(shared, f"student_{seed}"))
        for variable, value in zip(optimizer.variables, fresh, strict=True):
            variable.assign(value)
        keras.utils.set_random_seed(seed)
        start = time.perf_counter()
        distiller.fit(shared["images"], shared["labels"], batch_size=int(batch), epochs=1, verbose=0)
        seconds = time.perf_counter() - start
        answers = student.predict(shared["test_images"], batch_size=1000, verbose=0)
        say(seconds=seconds, errors=int((answers.argmax(1) != shared["test_labels"]).sum()))


if __name__ == "__main__":
    main()
