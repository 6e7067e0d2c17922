"""Which calls are made again: what is UNAVAILABLE and may be repeated, as `idempotency_level` in proto/ says.

gRPC itself makes them (its proposal A6), within the call's deadline. A service that fails call after call is not asked
several times as often: with many failures and few successes, further tries stop.
"""

import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from tessera.account.v1 import (
    account_admin_service_pb2,
    account_service_pb2,
    domain_settings_service_pb2,
    link_service_pb2,
    logon_service_pb2,
    open_account_xml_service_pb2,
    user_system_service_pb2,
)
from tessera.account.v1 import user_data_service_pb2 as account_user_data_service_pb2
from tessera.binding.v1 import binding_service_pb2, device_token_service_pb2
from tessera.token.v1 import (
    access_token_service_pb2,
    audit_service_pb2,
    domain_service_pb2,
    feed_service_pb2,
    session_service_pb2,
    signing_key_service_pb2,
    token_admin_service_pb2,
    token_service_pb2,
    user_data_service_pb2,
    user_service_pb2,
)

# Waits of about 0.2, 0.4, 0.8 and 1.6 s: as long as a service needs to start again.
_POLICY = {
    "maxAttempts": 5,
    "initialBackoff": "0.2s",
    "backoffMultiplier": 2,
    "maxBackoff": "2s",
    "retryableStatusCodes": ["UNAVAILABLE"],
}
# A failure costs 1, a success brings 0.1; below half of the most there are no further tries.
_THROTTLING = {"maxTokens": 100, "tokenRatio": 0.1}

_FILES = (
    audit_service_pb2,
    token_service_pb2,
    access_token_service_pb2,
    token_admin_service_pb2,
    signing_key_service_pb2,
    feed_service_pb2,
    domain_service_pb2,
    user_service_pb2,
    session_service_pb2,
    user_data_service_pb2,
    account_service_pb2,
    account_admin_service_pb2,
    domain_settings_service_pb2,
    link_service_pb2,
    logon_service_pb2,
    account_user_data_service_pb2,
    user_system_service_pb2,
    open_account_xml_service_pb2,
    binding_service_pb2,
    device_token_service_pb2,
)


def methods() -> Iterator[MethodDescriptor]:
    """Every RPC of Tessera's."""
    for file in _FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            yield from service.methods


def service_config(*, retry: bool) -> str:
    """Settings of a channel, as gRPC reads them: its workers in turn, and further tries where they are wanted."""
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if retry:
        repeatable = [
            {"service": method.containing_service.full_name, "method": method.name}
            for method in methods()
            if method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
        ]
        config |= {"methodConfig": [{"name": repeatable, "retryPolicy": _POLICY}], "retryThrottling": _THROTTLING}
    return json.dumps(config)
