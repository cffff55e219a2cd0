# The lab in a container: docker build -t distillation-lab . && docker run -p 8501:8501 -v lab:/var/lib/lab distillation-lab
# A smaller image, with PyTorch for CPUs alone: --build-arg PIP_EXTRA_INDEX_URL=… (docs/deployment.md, "In a container").
FROM python:3.12-slim-bookworm AS build
ARG PIP_EXTRA_INDEX_URL=""
ARG EXTRAS="onnx postgres"
COPY . /src
RUN PIP_EXTRA_INDEX_URL="$PIP_EXTRA_INDEX_URL" /src/deploy/install.sh /opt/lab /var/lib/lab $EXTRAS

FROM python:3.12-slim-bookworm
# With a C compiler the lab compiles its convolutions for the processor that it finds, and trains faster. Debian keeps
# one version of it in a release, and takes an old one away: a pinned one could not be installed a month later.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /var/lib/lab --shell /usr/sbin/nologin lab
COPY --from=build /opt/lab /opt/lab
COPY --from=build --chown=lab:lab /var/lib/lab /var/lib/lab
# All that is ever written: data, kept teachers, compiled convolutions and the database; and what is temporary, in /tmp.
VOLUME /var/lib/lab
ENV HOME=/var/lib/lab KD_DATA_DIR=/var/lib/lab KD_DATABASE_URL=sqlite:////var/lib/lab/lab.db PORT=8501
USER 10001
WORKDIR /var/lib/lab
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["/opt/lab/bin/python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/_stcore/health\", timeout=4)"]
ENTRYPOINT ["/opt/lab/bin/distillation-lab"]
CMD ["app", "--host", "0.0.0.0"]
