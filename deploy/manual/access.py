"""The page of the runtime's package: who may do what, by which role, scope or list."""

from google.protobuf.descriptor_pb2 import MethodDescriptorProto
from tessera.runtime.v1 import access_pb2

from deploy.manual.markdown import anchor, table
from deploy.manual.reference import elements, methods, page_of
from services.runtime.auth import ROLES, SCOPES
from services.runtime.pipeline import FOREIGN
from services.token.actions.grants import token_exchange

_MARK = "●"


def runtime_page() -> str:
    """Permissions with the RPCs that they open, roles and scopes, and the options in which contracts say so."""
    lines = [
        "# Reference: runtime",
        "",
        "What all contracts share, the package `tessera.runtime.v1`: who may call an RPC, and how a reason is said.",
        "The reasons that any service may give stand in [errors](../errors.md#any-service-and-the-gateway). Made by",
        "`make manual` from `proto/`.",
        "",
        "## Permissions",
        "",
        "An RPC asks for permissions, all of them. An app, a service identity, an access key or a push app holds a",
        "stored list, which its tokens carry as the claim `permissions`. A user's token holds what its role has and",
        "one of its scopes opens, both marked ●: `account.link` takes the role `admin` and the scope `ACCOUNT.ALL`,",
        "say. What no role has is for services and apps alone.",
        *_permissions(),
        *elements("tessera.runtime.v1"),
    ]
    return "\n".join(lines) + "\n"


def _permissions() -> list[str]:
    opened: dict[str, list[str]] = {}
    for file, service, method in methods():
        name = f"{service.name}.{method.name}"
        for permission in _asked(method):
            opened.setdefault(permission, []).append(f"[{name}]({page_of(file.package)}#{anchor(name)})")
    for prefix, access in FOREIGN.items():
        for permission in access.permissions:
            opened.setdefault(permission, []).append(f"`{prefix.strip('/')}`")
    # The one that opens a grant and no RPC.
    opened[token_exchange.PERMISSION] = [
        f"token exchange, by [TokenService.Token](token.md#{anchor('TokenService.Token')})"
    ]
    grants = {**ROLES, **SCOPES}
    heads = ("permission", *(f"`{name}`" for name in grants), "opens")
    rows = [
        (f"`{name}`", *(_MARK if name in held else "" for held in grants.values()), ", ".join(opened[name]))
        for name in sorted(opened)
    ]
    return table(heads, rows)


def _asked(method: MethodDescriptorProto) -> list[str]:
    access = method.options.Extensions[access_pb2.access]
    return [*access.permissions, *filter(None, [access.own_permission])]
