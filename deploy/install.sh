#!/bin/sh
# Installs the lab from this checkout into a virtual environment, and fetches its data: the Dockerfile's one step, and
# what to run on a plain Debian or Ubuntu. It needs Python 3.11 or newer with venv.
#
#   deploy/install.sh /opt/lab /var/lib/lab [EXTRA …]
#
# The first is made and holds the lab, which nobody needs to write afterwards. The second is the data folder; where no
# network answers it stays empty, and the lab uses the UCI digits. Further words are extras: onnx postgres backbones.
# PIP_EXTRA_INDEX_URL may name PyTorch's index of CPU builds, which its "Get Started" page has: without CUDA.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
lab=$1 data=$2
shift 2
extras=$(echo "$*" | tr ' ' ',')
python3 -m venv "$lab"
"$lab/bin/pip" install --no-cache-dir --disable-pip-version-check "$here${extras:+[$extras]}"
# A wheel's modules are compiled once, here: whoever serves may not be allowed to write them.
"$lab/bin/python" -m compileall -q -j 0 "$lab/lib" || true
mkdir -p "$data"
KD_DATA_DIR=$data "$lab/bin/distillation-lab" data || echo "MNIST could not be fetched; the lab uses the UCI digits." >&2
du -sh "$lab" "$data"
