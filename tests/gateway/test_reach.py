"""What the public listener lets through, of all that the services have: what has a path in proto/, and nothing else."""

import http.client
import itertools
from collections.abc import Iterator

import grpc
import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import MethodDescriptorProto

from gateway.config import GatewaySettings
from gateway.render import image_path, read_image
from tests.gateway.writing import Written

IMAGE = read_image(image_path(GatewaySettings(gateway_client_id="g", gateway_client_secret="s")))
# Found by the gateway alone, by names that it writes itself.
BY_NAME = {"tessera.account.v1.OpenAccountXmlService", "tessera.account.v1.LogonService"}


def rpcs() -> Iterator[tuple[str, str, MethodDescriptorProto]]:
    """Service, name and descriptor of every RPC of every service that a process serves."""
    image: descriptor_pb2.FileDescriptorSet = IMAGE
    for file in image.file:
        for service in file.service:
            for method in service.method:
                yield f"{file.package}.{service.name}", method.name, method


INSIDE = [
    (service, name)
    for service, name, method in rpcs()
    if not method.options.HasExtension(annotations_pb2.http) and service not in BY_NAME
] + [
    ("grpc.health.v1.Health", "Check"),
    ("grpc.health.v1.Health", "Watch"),
    ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo"),
]
PUBLIC = {f"/{service}/{name}" for service, name, _ in rpcs()} - {f"/{service}/{name}" for service, name in INSIDE}


def test_there_is_something_inside() -> None:
    services = {service for service, _ in INSIDE}
    assert {
        "envoy.service.auth.v3.Authorization",
        "tessera.token.v1.MintService",
        "tessera.token.v1.KeyService",
        "tessera.token.v1.TokenAdminService",
        "tessera.account.v1.AccountAdminService",
    } <= services
    assert len(INSIDE) > 60
    assert len(PUBLIC) > 15


# How a path could be written so that something takes it for that of the RPC; and in which other way it could be meant.
PATHS = {
    "itself": "/{service}/{name}",
    "a slash more before": "//{service}/{name}",
    "a slash more behind": "/{service}/{name}/",
    "a query": "/{service}/{name}?x=/v2/account/link",
    "out of a public path": "/v2/account/../../{service}/{name}",
    "out of it, escaped": "/v2/account/%2e%2e/%2e%2e/{service}/{name}",
    "an escaped letter": "/%74{rest}/{name}",
    "an escaped slash": "/{service}%2F{name}",
    "a backslash": "/{service}\\{name}",
    "below the public paths": "/v2/account/{service}/{name}",
    "below the RPC style": "/rpc/{service}/{name}",
    "its name there": "/rpc/{name}",
    "as an Action": "/?Action={name}&Format=JSON",
    "as an Action in XML": "/?Action={name}",
    "as an Action with its service": "/?Action=../{service}/{name}&Format=JSON",
    "as an Action behind another service": "/?Action=x/../../{service}/{name}",
    "below the metadata": "/.well-known/../{service}/{name}",
    "below a domain's metadata": "/d/x/.well-known/../../../{service}/{name}",
    "a parameter of the path": "/{service}/{name};x=1",
    "in capitals": "/{upper}/{name}",
}
HEADERS = {
    "as JSON": {"content-type": "application/json"},
    "as gRPC": {"content-type": "application/grpc", "te": "trailers"},
    "as gRPC with a format": {"content-type": "application/grpc+proto", "te": "trailers"},
    "as gRPC for browsers": {"content-type": "application/grpc-web"},
    "with everything that could lead elsewhere": {
        "content-type": "application/json",
        "x-envoy-original-path": "/{service}/{name}",
        "x-envoy-original-method": "POST",
        "x-original-url": "/{service}/{name}",
        "x-rewrite-url": "/{service}/{name}",
        "x-http-method-override": "POST",
        "x-tessera-edge-token": "x",
    },
}


@pytest.mark.parametrize("path", PATHS)
def test_nothing_inside_is_reached(written: Written, behind: tuple[Written, int], path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", behind[1], timeout=30)
    names: dict[str, str]
    ways = itertools.cycle(itertools.product(HEADERS.values(), ("Bearer x", "Basic x")))
    for service, name in INSIDE:
        names = {"service": service, "name": name, "rest": service[1:], "upper": service.upper()}
        # Every path with each of them, every RPC with some.
        for headers, authorization in itertools.islice(ways, 2):
            # As it stands: no library of ours puts it right.
            connection.putrequest("POST", PATHS[path].format(**names), skip_accept_encoding=True)
            for header, value in headers.items():
                connection.putheader(header, value.format(**names))
            connection.putheader("authorization", authorization)
            connection.putheader("content-length", "2")
            connection.endheaders(b"{}")
            answer = connection.getresponse()
            answer.read()
            if answer.will_close:
                connection.close()
    connection.close()
    reached = {method for method, _, _ in written.called}
    assert reached <= PUBLIC, reached - PUBLIC


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "X"])
def test_by_no_method(written: Written, behind: tuple[Written, int], method: str) -> None:
    for service, name in INSIDE:
        connection = http.client.HTTPConnection("127.0.0.1", behind[1], timeout=30)
        connection.request(method, f"/{service}/{name}", headers={"authorization": "Bearer x"})
        assert connection.getresponse().status >= 400
        connection.close()
    assert written.called == []


def test_grpc_is_not_spoken_here_whatever_is_called(written: Written, behind: tuple[Written, int]) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{behind[1]}") as channel:
        for service, name in [*INSIDE, *(tuple(method[1:].split("/")) for method in sorted(PUBLIC))]:
            with pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary(f"/{service}/{name}")(b"", timeout=30, metadata=[("authorization", "Bearer x")])
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert written.called == written.asked == []
