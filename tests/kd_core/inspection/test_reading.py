"""Files of logits: what is read, what is refused in one sentence, and that no file can take memory or run code."""

import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import numpy as safetensors

from kd_core.inspection.logits import checked, from_probabilities, kind_of, sampled
from kd_core.inspection.reading import UNPACKED, UPLOAD, read_file, read_upload
from kd_core.messages import Problem

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0], [1.0, 1.5, -2.0], [0.2, 0.1, 4.0]], dtype=np.float32)
LABELS = np.array([0, 1, 1, 2])
NAMES = ["cat", "dog", "猫头鹰"]


def npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def npy(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(text: str, content: bytes = b"") -> bytes:
    """A .npy file whose header says this, whatever follows."""
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + content


def csv_of() -> bytes:
    rows = [[y, *row] for y, row in zip(LABELS, LOGITS.tolist(), strict=True)]
    return "\n".join(",".join(map(str, row)) for row in [["label", *NAMES], *rows]).encode()


def says(name: str, content: bytes) -> str:
    with pytest.raises(Problem) as problem:
        read_upload(name, content)
    return str(problem.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.npz", npz(logits=LOGITS, labels=LABELS, class_names=np.array(NAMES), student_logits=LOGITS / 2)),
        ("T.NPZ", npz(logits=np.asfortranarray(LOGITS), labels=LABELS[:, None], student_logits=LOGITS / 2)),
        ("t.npy", npy(LOGITS)),
        ("t.npy", npy(LOGITS.astype(">f8"))),
        ("t.csv", csv_of()),
        ("t.csv", b"\xef\xbb\xbf" + csv_of().replace(b"\n", b"\r\n") + b"\r\n\r\n"),
        ("t.csv", csv_of().replace(b"\n1,", b"\ndog,")),
        ("t.safetensors", safetensors.save({"logits": LOGITS, "labels": LABELS, "student_logits": LOGITS / 2})),
    ],
)  # fmt: skip
def test_every_kind_of_file_gives_the_same_logits(name, content, tmp_path):
    found = read_upload(name, content)
    np.testing.assert_allclose(found.values, LOGITS, rtol=1e-6)
    if found.labels is not None:
        assert found.labels.tolist() == LABELS.tolist()
    if found.student is not None:
        np.testing.assert_allclose(found.student, LOGITS / 2)
    assert found.names in (tuple(NAMES), ("0", "1", "2"))
    (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(read_file(tmp_path / name).values, found.values)


class Nasty:
    def __reduce__(self):
        return exec, ("raise SystemExit('it was run')",)


def with_member(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def encrypted() -> bytes:
    whole = bytearray(with_member("logits.npy", npy(LOGITS)))
    for start in (whole.find(b"PK\x03\x04") + 6, whole.find(b"PK\x01\x02") + 8):
        whole[start] |= 1
    return bytes(whole)


def with_many_files() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(2000):
            archive.writestr(f"{number}.npy", b"")
    return file.getvalue()


def changed(at: tuple[int, ...], value: object) -> np.ndarray:
    values = LOGITS.astype(float)
    values[at] = value
    return values


BAD = {
    "an unknown ending": ("t.pt", b"x", "A file that ends in .pt cannot be read; it may end in .npz"),
    "no ending": ("logits", b"x", "A file that ends in nothing"),
    "nothing in it": ("t.npz", b"", "This file is empty."),
    "no archive": ("t.npz", b"hello", "This .npz file cannot be unpacked: File is not a zip file"),
    "cut off": ("t.npz", npz(logits=LOGITS)[:-30], "This .npz file cannot be unpacked"),
    "other arrays": ("t.npz", npz(arr_0=LOGITS, b=LABELS), "no array called logits; it has: arr_0, b."),
    "encrypted": ("t.npz", encrypted(), "cannot be unpacked: File 'logits.npy' is encrypted"),
    "many files": ("t.npz", with_many_files(), "lists too many files"),
    "objects": ("t.npz", npz(logits=np.array([Nasty()], dtype=object)), "only pickle could read"),
    "a pickle": ("t.npy", pickle.dumps(Nasty()), "logits is no array that numpy has saved"),
    "a billion rows": ("t.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000)}"),
                       "should be [1000000000, 1000] and take 4,000,000,000,000 bytes, but 0 are there"),
    "a negative shape": ("t.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (-4, -3)}", bytes(48)),
                         "save them as floating-point numbers"),
    "a text for a header": ("t.npy", header("(" * 100), "logits is no array"),
    "a structured type": ("t.npy", header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4, 3)}"),
                          "save them as floating-point numbers"),
    "text": ("t.npy", npy(np.array([["a", "b"]])), "logits are of type <U1; save them as floating-point numbers"),
    "complex": ("t.npy", npy(LOGITS * 1j), "save them as floating-point numbers"),
    "one row alone": ("t.npy", npy(LOGITS[0]), "logits have the shape [3]; a table with a row for each sample"),
    "an image": ("t.npy", npy(np.zeros((2, 3, 4))), "logits have the shape [2, 3, 4]"),
    "no rows": ("t.npy", npy(LOGITS[:0]), "logits have no rows"),
    "one class": ("t.npy", npy(LOGITS[:, :1]), "logits have 1 columns; 2 to 1,000 classes are possible."),
    "too many classes": ("t.npy", npy(np.zeros((2, 1001))), "logits have 1,001 columns"),
    "not a number": ("t.npy", npy(changed((2, 1), np.nan)), "row 2, column 1 (counted from 0) is NaN"),
    "infinity": ("t.npy", npy(changed((1, 2), -np.inf)), "row 1, column 2 (counted from 0) is −∞"),
    "absurd": ("t.npy", npy(changed((3, 0), 1e300)), "row 3, column 0 (counted from 0) is 1e+300; no network"),
    "too few labels": ("t.npz", npz(logits=LOGITS, labels=LABELS[:3]), "labels have the shape [3]"),
    "one-hot labels": ("t.npz", npz(logits=LOGITS, labels=np.eye(3)[LABELS]), "not one-hot rows"),
    "labels from 1": ("t.npz", npz(logits=LOGITS, labels=LABELS + 1),
                      "labels: row 3 (counted from 0) is 3; with 3 classes labels are whole numbers from 0 to 2."),
    "half labels": ("t.npz", npz(logits=LOGITS, labels=LABELS / 2), "labels: row 1 (counted from 0) is 0.5"),
    "labels in words": ("t.npz", npz(logits=LOGITS, labels=np.array(["a"] * 4)), "labels are of type <U1"),
    "too few names": ("t.npz", npz(logits=LOGITS, class_names=np.array(NAMES[:2])), "2 class names for 3 classes"),
    "no name": ("t.npz", npz(logits=LOGITS, class_names=np.array(["a", " ", "c"])), "of column 1 (counted from 0)"),
    "equal names": ("t.npz", npz(logits=LOGITS, class_names=np.array(["a", "b", "a"])),
                    "Columns 0 and 2 (counted from 0) have the same class name, a"),
    "a name of the terminal": ("t.npz", npz(logits=LOGITS, class_names=np.array(["a", "b", "\x1b[2J"])),
                               "column 2 (counted from 0) has more than 100 characters, or some that cannot be"),
    "names in numbers": ("t.npz", npz(logits=LOGITS, class_names=np.arange(3)), "must be a list of texts"),
    "another student": ("t.npz", npz(logits=LOGITS, student_logits=LOGITS[:, :2]),
                        "student_logits are [4, 2] and logits [4, 3]"),
    "a student's probabilities": ("t.npz", npz(logits=LOGITS, student_logits=np.full((4, 3), 1 / 3)),
                                  "student_logits are probabilities"),
    "no safetensors": ("t.safetensors", b"\xff" * 20, "This is no safetensors file"),
    "safetensors that lie": ("t.safetensors", struct.pack("<Q", 66) + b'{"logits":{"dtype":"F32","shape":[9,99999],'
                             b'"data_offsets":[0,4]}}'.ljust(66) + bytes(4), "safetensors file cannot be read"),
    "other tensors": ("t.safetensors", safetensors.save({"x": LOGITS}), "no array called logits; it has: x."),
    "no header": ("t.csv", b"0.5,1.5\n1.5,0.2\n", "it must be a header"),
    "one column": ("t.csv", b"label;cat;dog\n0;1;2\n", "The header has 1 columns of classes"),
    "a short line": ("t.csv", b"label,cat,dog\n0,1,2\n1,2\n", "Line 3 has 2 columns and the header 3."),
    "a word": ("t.csv", b"label,cat,dog\n0,1,2\n1,2,two\n", "Line 3, column dog: two is no number."),
    "an empty cell": ("t.csv", b"cat,dog\n1,\n", "Line 2, column dog: – is no number."),
    "an unknown label": ("t.csv", b"label,cat,dog\nbird,1,2\n", "Line 2: the label bird is no class"),
    "a label from 1": ("t.csv", b"label,cat,dog\n2,1,2\n", "Line 2: the label 2 is no class; it may be a number"),
    "two columns alike": ("t.csv", b"cat,cat\n1,2\n", "have the same class name, cat"),
    "a header alone": ("t.csv", b"cat,dog\n", "logits have no rows"),
    "another encoding": ("t.csv", "größe,b\n1,2\n".encode("latin-1"), "This is no CSV file in UTF-8"),
    "an open quote": ("t.csv", b'cat,dog\n1,"2\n', "This is no CSV file in UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_one_sentence(name):
    file, content, words = BAD[name]
    assert words in says(file, content)


def test_what_is_too_large_is_refused_and_the_way_named():
    assert "at most 64 MB can be uploaded" in says("t.npy", bytes(UPLOAD + 1))


def bomb(rows: int) -> bytes:
    """An archive of some kilobytes that unpacks to rows of a thousand float32."""
    shape = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 1000)}}"
    return with_member("logits.npy", header(shape, bytes(4000 * rows)))


def test_an_archive_that_unpacks_to_too_much_takes_no_memory(monkeypatch):
    content = bomb(5000)  # 20 MB
    assert len(content) < 25_000
    monkeypatch.setattr("kd_core.inspection.reading.UNPACKED", 10 * 2**20)
    tracemalloc.start()
    try:
        assert "logits take 20,000,000 bytes; at most 10,485,760 can be read" in says("t.npz", content)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert UPLOAD < UNPACKED < 4 * UPLOAD


def test_a_member_that_is_shorter_or_longer_than_it_says():
    shape = "{'descr': '<f4', 'fortran_order': False, 'shape': (400000, 1000)}"
    content = bytearray(with_member("logits.npy", header(shape, bytes(400))))
    for start, at in ((content.find(b"PK\x03\x04"), 22), (content.find(b"PK\x01\x02"), 24)):
        content[start + at : start + at + 4] = struct.pack("<I", 2**31 - 1)  # the size that the directory claims
    assert "logits take 1,600,000,000 bytes" in says("t.npz", bytes(content))
    shape = shape.replace("400000", "400")
    content = bytearray(with_member("logits.npy", header(shape, bytes(400))))
    for start, at in ((content.find(b"PK\x03\x04"), 22), (content.find(b"PK\x01\x02"), 24)):
        content[start + at : start + at + 4] = struct.pack("<I", 2**31 - 1)
    assert "cut off" in says("t.npz", bytes(content)) or "cannot be unpacked" in says("t.npz", bytes(content))


VALID = [
    ("t.npz", npz(logits=LOGITS, labels=LABELS, class_names=np.array(NAMES))),
    ("t.npy", npy(LOGITS)),
    ("t.csv", csv_of()),
    ("t.safetensors", safetensors.save({"logits": LOGITS, "labels": LABELS})),
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(VALID), st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(valid, data):
    name, content = valid
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_upload(name, bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))
    except Problem:
        return
    assert np.isfinite(found.values).all()
    assert found.values.ndim == 2


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_probabilities_are_noticed_and_become_logits_with_the_same_answers(rows, classes, seed):
    logits = 3 * np.random.default_rng(seed).normal(size=(rows, classes))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert kind_of(p) == kind_of(p.astype(np.float16)) == "probabilities"
    assert kind_of(np.log(p)) == "log-probabilities"
    assert kind_of(logits + 1) == "logits"
    found = from_probabilities(checked(p))
    assert (found.kind, found.floored) == ("logits", 0)
    apart = found.values - logits
    np.testing.assert_allclose(apart - apart[:, :1], 0, atol=1e-9)  # a constant of each row


def test_a_probability_of_zero_becomes_half_of_the_smallest():
    found = from_probabilities(checked(np.array([[1.0, 0.0, 0.0], [0.5, 0.3, 0.2]])))
    assert (found.floored, found.floor) == (2, 0.1)
    np.testing.assert_allclose(np.exp(found.values[0]), [1, 0.1, 0.1])


def test_a_sample_keeps_what_belongs_together():
    rows = np.arange(5000)
    whole = checked(np.stack([rows, rows + 1], 1) % 977, rows % 2, None, np.stack([rows, rows], 1))
    part = sampled(whole, 600)
    assert part.rows == 300
    chosen = part.student[:, 0]
    assert len(set(chosen.tolist())) == 300
    np.testing.assert_array_equal(part.origin, chosen)
    np.testing.assert_array_equal(part.values, whole.values[chosen])
    np.testing.assert_array_equal(part.labels, chosen % 2)
    np.testing.assert_array_equal(sampled(whole, 600).values, part.values)
    assert sampled(whole, 10**9) is whole
