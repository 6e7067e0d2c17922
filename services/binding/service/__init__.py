"""The servicers, a module each: a few lines a method, which convert, act and convert."""

from tessera.binding.v1 import (
    binding_service_pb2,
    binding_service_pb2_grpc,
    device_token_service_pb2,
    device_token_service_pb2_grpc,
)

from services.binding.resources import Resources
from services.binding.service.binding_service import BindingServicer
from services.binding.service.device_token_service import DeviceTokenServicer
from services.runtime.server import Served

SERVED: tuple[Served[Resources], ...] = (
    (binding_service_pb2, binding_service_pb2_grpc, (BindingServicer,)),
    (device_token_service_pb2, device_token_service_pb2_grpc, (DeviceTokenServicer,)),
)
"""What the binding service serves under its own names."""
