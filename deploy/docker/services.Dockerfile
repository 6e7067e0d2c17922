# One service: docker build -f deploy/docker/services.Dockerfile --build-arg SERVICE=token -t tessera/token .
#
# Everything stands under /opt/tessera and belongs to root; the process is nobody's (10001) and writes in
# /var/lib/tessera alone, so the root file system may be read-only.

# Another registry's, or one by digest (…@sha256:…), is one build argument. The tests run on this version of Python.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
# token, account or binding
ARG SERVICE

# The stubs, by the pinned protoc and nothing else of what developers have.
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

# The packages, each with its hash; no pip among them.
FROM ${PYTHON_IMAGE} AS packages
WORKDIR /opt/tessera
COPY requirements.lock ./
RUN python -m venv --without-pip venv \
 && pip --python venv/bin/python install --no-cache-dir --require-hashes --requirement requirements.lock

# The code, compiled: a read-only file system takes no bytecode later. Readable by all, also from a working copy that
# is not (umask 077).
FROM ${PYTHON_IMAGE} AS code
WORKDIR /opt/tessera/app
COPY --from=stubs /opt/tessera/stubs/gen gen
COPY proto/clients/python/tessera/client gen/tessera/client
COPY services services
RUN chmod -R a+rX . \
 && python -m compileall -q --invalidation-mode unchecked-hash .

FROM ${PYTHON_IMAGE} AS service
LABEL org.opencontainers.image.title="Tessera" \
      org.opencontainers.image.description="An identity edge: who may speak, who is this person, where is this person reached." \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /opt/tessera/app
COPY --from=packages /opt/tessera/venv /opt/tessera/venv
COPY --from=code /opt/tessera/app/gen gen
COPY --from=code /opt/tessera/app/services/__init__.py services/
COPY --from=code /opt/tessera/app/services/runtime services/runtime
RUN install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/tessera
ENV PATH=/opt/tessera/venv/bin:$PATH \
    PYTHONPATH=/opt/tessera/app/gen \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TESSERA_STATE_DIR=/var/lib/tessera \
    TESSERA_METRICS_LISTEN=0.0.0.0:9464
EXPOSE 9464
STOPSIGNAL SIGTERM
# Ready to serve, as the service itself says; Kubernetes asks by gRPC and does not read this.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "services.runtime.probe"]
USER 10001:10001

FROM service AS token
COPY --from=code /opt/tessera/app/services/token services/token
ENV TESSERA_LISTEN=0.0.0.0:50051
EXPOSE 50051
ENTRYPOINT ["python", "-m", "services.token"]
CMD ["serve"]

FROM service AS account
COPY --from=code /opt/tessera/app/services/account services/account
ENV TESSERA_LISTEN=0.0.0.0:50052
EXPOSE 50052
ENTRYPOINT ["python", "-m", "services.account"]
CMD ["serve"]

FROM service AS binding
COPY --from=code /opt/tessera/app/services/binding services/binding
ENV TESSERA_LISTEN=0.0.0.0:50053
EXPOSE 50053
ENTRYPOINT ["python", "-m", "services.binding"]
CMD ["serve"]

# The one that was asked for.
FROM ${SERVICE}
