"""`python -m services.runtime.probe`: exits with 0 while every worker of this process's settings serves.

It asks each one by the gRPC health protocol: for an orchestrator that knows nothing but commands.
"""

import os
import sys
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.runtime.env import Address, SettingsError, load, setting

_TIMEOUT_SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class ProbeSettings:
    """What a probe must know of the service's settings."""

    listen: tuple[Address, ...] = setting("the workers to ask")
    health_listen: tuple[Address, ...] | None = setting("where they are asked, if elsewhere", default=None)


def main() -> int:
    """Ask every worker; answers the exit status."""
    try:
        settings = load(ProbeSettings, os.environ)
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return 2
    asked = settings.health_listen or settings.listen
    problems = [f"{address}: {problem}" for address in asked if (problem := _problem_of(address))]
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


def _problem_of(address: Address) -> str | None:
    with grpc.insecure_channel(str(address), [("grpc.enable_http_proxy", 0)]) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        try:
            answer = check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            return str(error.code().name)
    name: str = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return None if name == "SERVING" else name


if __name__ == "__main__":
    sys.exit(main())
