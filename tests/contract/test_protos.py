"""What the contracts say: reasons that there are, who may call, and the vendors' paths."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from tessera.account.v1 import (
    account_admin_service_pb2,
    account_service_pb2,
    domain_settings_service_pb2,
    link_service_pb2,
    logon_service_pb2,
    open_account_xml_service_pb2,
    user_system_service_pb2,
)
from tessera.account.v1 import error_reason_pb2 as account_reasons
from tessera.account.v1 import user_data_service_pb2 as account_user_data_service_pb2
from tessera.binding.v1 import binding_service_pb2, device_token_service_pb2
from tessera.binding.v1 import error_reason_pb2 as binding_reasons
from tessera.runtime.v1 import error_reason_pb2 as runtime_reasons
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
from tessera.token.v1 import error_reason_pb2 as token_reasons

from services.account.errors import AccountRefusal
from services.binding.errors import BindingRefusal
from services.runtime.auth import access_of
from services.runtime.errors import Refusal
from services.token.errors import TokenRefusal

IMAGE = Path(__file__).parents[2] / "gen" / "tessera.binpb"
REASONS = {"token": token_reasons, "account": account_reasons, "binding": binding_reasons}
FILES = (
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
# The vendors' paths. RPC style has `/?Action=` instead, which the gateway turns into this one.
PATHS = {
    "/v2/oauth/token": "token.v1.TokenService.Token",
    "/v2/user/create": "token.v1.UserService.CreateUser",
    "/v2/user/get": "token.v1.UserService.GetUser",
    "/v2/user/update": "token.v1.UserService.UpdateUser",
    "/v2/user/delete": "token.v1.UserService.DeleteUser",
    "/v2/user/list": "token.v1.UserService.ListUsers",
    "/v2/user/get_access_token": "token.v1.AccessTokenService.GetAccessToken",
    "/v2/account/link": "account.v1.AccountService.LinkAccount",
    "/v2/account/unlink": "account.v1.AccountService.UnlinkAccount",
    "/v2/account/get_link_info": "account.v1.AccountService.GetLinkInfo",
    "/v2/account/get_link_info_by_user_id": "account.v1.AccountService.GetLinkInfoByUserId",
    "/v2/account/send_sms_code": "account.v1.AccountService.SendSmsCode",
    "/rpc/DescribeOpenAccount": "account.v1.OpenAccountService.DescribeOpenAccount",
    "/rpc/ListOpenAccounts": "account.v1.OpenAccountService.ListOpenAccounts",
    "/rpc/ListOpenAccountLinks": "account.v1.OpenAccountService.ListOpenAccountLinks",
    "/rpc/DeleteOpenAccount": "account.v1.OpenAccountService.DeleteOpenAccount",
    "/v3/device/account/batchoperate": "binding.v1.BindingService.BatchOperateAccounts",
    "/v3/device/account/query": "binding.v1.BindingService.QueryAccounts",
}
# Each of these makes something anew, takes it away, or spends what it is given, be it an etag; clients may repeat any
# other RPC.
ONCE = {
    "token.v1.TokenService.Token",
    "token.v1.TokenService.CreateDeviceAuthorization",
    # A client's assertion, which may come with these, is good once.
    "token.v1.TokenService.RevokeToken",
    "token.v1.TokenService.IntrospectToken",
    "token.v1.AccessTokenService.GetAccessToken",
    "token.v1.MintService.IssueToken",
    "token.v1.MintService.CreateAuthorizationCode",
    "token.v1.TokenAdminService.CreateApp",
    "token.v1.UserService.CreateUser",
    "token.v1.UserService.UpdateUser",
    "token.v1.UserService.DeleteUser",
    "token.v1.TokenAdminService.CreateAccessKey",
    "token.v1.TokenAdminService.CreatePushApp",
    "token.v1.SigningKeyService.RotateSigningKey",
    "token.v1.TokenAdminService.UpdateApp",
    "token.v1.TokenAdminService.DeleteApp",
    "token.v1.TokenAdminService.CreateAppSecret",
    "token.v1.TokenAdminService.DeleteAppSecret",
    "token.v1.TokenAdminService.DeleteTrustedKey",
    "token.v1.TokenAdminService.UpdateAccessKey",
    "token.v1.TokenAdminService.DeleteAccessKey",
    "token.v1.TokenAdminService.UpdatePushApp",
    "token.v1.TokenAdminService.DeletePushApp",
    "token.v1.TokenAdminService.RotatePushAppSecret",
    "token.v1.DomainService.CreateDomain",
    "token.v1.DomainService.UpdateDomain",
    "account.v1.AccountAdminService.CreateProject",
    "account.v1.AccountAdminService.CreateOpenAccount",
    "account.v1.AccountService.SendSmsCode",
    "account.v1.LogonService.GetPage",
    "account.v1.LogonService.PostPage",
    "account.v1.DomainSettingsService.UpdateDomainSettings",
    "account.v1.AccountAdminService.UpdateProject",
    "account.v1.AccountAdminService.DeleteProject",
    "account.v1.AccountAdminService.CreateProvider",
    "account.v1.AccountAdminService.UpdateProvider",
    "account.v1.AccountAdminService.DeleteProvider",
    "account.v1.AccountAdminService.UpdateOpenAccount",
    "account.v1.UserSystemService.CreateUserSystem",
    "account.v1.UserSystemService.UpdateUserSystem",
    "account.v1.UserSystemService.DeleteUserSystem",
    "account.v1.UserSystemService.TestUserSystem",
}


def methods() -> Iterator[MethodDescriptor]:
    """Every RPC of Tessera's own."""
    for module in FILES:
        file: FileDescriptor = module.DESCRIPTOR
        for service in file.services_by_name.values():
            yield from service.methods


def errors_of_rpcs(service: str) -> dict[str, set[str]]:
    """The reasons that stand after `Errors:` above each RPC of a service, by the RPC's name."""
    image = descriptor_pb2.FileDescriptorSet.FromString(IMAGE.read_bytes())
    named = {}
    packages = {f"tessera.{service}.v1", *(["envoy.service.auth.v3"] if service == "token" else [])}
    for file in image.file:
        if file.package not in packages:
            continue
        for location in file.source_code_info.location:
            # A service of the file (field 6), a method of it (field 2).
            if len(location.path) == 4 and (location.path[0], location.path[2]) == (6, 2):
                method = file.service[location.path[1]].method[location.path[3]]
                comment = re.sub(r"buf:lint.*", "", location.leading_comments)
                named[method.name] = set(re.findall(r"\b[A-Z_]{5,}\b", comment.partition("Errors:")[2]))
    return named


@pytest.mark.parametrize("service", REASONS)
def test_every_reason_that_an_rpc_names_is_one_and_every_reason_is_named(service: str) -> None:
    own = set(REASONS[service].ErrorReason.keys()[1:])
    named = errors_of_rpcs(service)
    assert own <= set().union(*named.values())
    for rpc, reasons in named.items():
        assert reasons <= own | set(runtime_reasons.ErrorReason.keys()), rpc


@pytest.mark.parametrize("base", [TokenRefusal, AccountRefusal, BindingRefusal])
def test_every_reason_has_one_class_of_its_name(base: type[Refusal]) -> None:
    classes = base.__subclasses__()
    assert sorted(each.reason for each in classes) == sorted(base.reasons.keys()[1:])
    for each in classes:
        assert each.__name__ == each.reason.title().replace("_", "")
        assert each().status().message == each.public


def test_every_rpc_declares_who_may_call_it() -> None:
    files = {each.name for each in descriptor_pb2.FileDescriptorSet.FromString(IMAGE.read_bytes()).file if each.service}
    assert {name for name in files if name.startswith("tessera/") and not name.startswith("tessera/edge/")} == {
        module.DESCRIPTOR.name for module in FILES
    }
    for method in methods():
        access_of(method)


def test_an_rpc_says_where_it_may_be_repeated() -> None:
    unknown = descriptor_pb2.MethodOptions.IDEMPOTENCY_UNKNOWN
    once = {method.full_name for method in methods() if method.GetOptions().idempotency_level == unknown}
    assert once == {f"tessera.{rpc}" for rpc in ONCE}


def test_what_operators_call_has_no_path() -> None:
    """The gateway passes on what has an HTTP rule, and nothing else."""
    for module in (
        token_admin_service_pb2,
        domain_service_pb2,
        account_admin_service_pb2,
        domain_settings_service_pb2,
        link_service_pb2,
        user_data_service_pb2,
        account_user_data_service_pb2,
        user_system_service_pb2,
    ):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                assert not method.GetOptions().HasExtension(annotations_pb2.http), method.full_name


def test_what_gives_power_is_never_called_on_stale_knowledge_of_what_is_revoked() -> None:
    fresh = {method.full_name for method in methods() if access_of(method).fresh}
    admin = {method.full_name for method in methods() if method.containing_service.name.endswith("AdminService")}
    links = {f"tessera.account.v1.AccountService.{name}" for name in ("LinkAccount", "UnlinkAccount")}
    deletes = {f"tessera.account.v1.OpenAccount{kind}Service.DeleteOpenAccount" for kind in ("", "Xml")}
    assert admin | links | deletes <= fresh


def test_the_vendors_paths_are_there() -> None:
    rules = {method.full_name: method.GetOptions().Extensions[annotations_pb2.http] for method in methods()}
    for path, rpc in PATHS.items():
        assert (rules[f"tessera.{rpc}"].post, rules[f"tessera.{rpc}"].body) == (path, "*")
