"""The seeds' story from inside: the same calls, by gRPC alone."""

import uuid

import grpc
from tessera.account.v1 import account_service_pb2, account_service_pb2_grpc
from tessera.binding.v1 import binding_pb2, binding_service_pb2, binding_service_pb2_grpc
from tessera.token.v1 import token_service_pb2, token_service_pb2_grpc

from tests.support.calls import bearer, refused
from tests.support.world import World


async def test_the_whole_story(world: World) -> None:
    unique = uuid.uuid4().hex
    user_id = world.demo["user_id"]
    async with world.channel("token") as channel:
        tokens = token_service_pb2_grpc.TokenServiceStub(channel)
        first = await tokens.Token(token_service_pb2.TokenRequest(**world.by_assertion()))
        second = await tokens.Token(
            token_service_pb2.TokenRequest(
                grant_type="refresh_token",
                client_id=world.demo["jwt_client_id"],
                refresh_token=first.refresh_token,
            )
        )
        assert second.user_id == user_id
        server = await tokens.Token(token_service_pb2.TokenRequest(**world.by_secret()))
        assert not server.HasField("refresh_token")
        pusher = await tokens.Token(
            token_service_pb2.TokenRequest(**world.by_secret(scope=f"push:{world.demo['push_access_id']}"))
        )
    as_server, as_pusher = bearer(server.access_token), bearer(pusher.access_token)

    async with world.channel("account") as channel:
        accounts = account_service_pb2_grpc.AccountServiceStub(channel)
        open_accounts = account_service_pb2_grpc.OpenAccountServiceStub(channel)
        linked = await accounts.LinkAccount(
            account_service_pb2.LinkAccountRequest(user_id=user_id, type="custom", identity=unique), metadata=as_server
        )
        assert linked.user_id == user_id
        found = await accounts.GetLinkInfo(
            account_service_pb2.GetLinkInfoRequest(type="custom", identity=unique), metadata=as_server
        )
        assert found.user_id == user_id
        described = await open_accounts.DescribeOpenAccount(
            account_service_pb2.DescribeOpenAccountRequest(identity_id=world.demo["identity_id"]), metadata=as_server
        )
        assert described.open_account.aliyun_id == world.demo["domain_id"]
        await accounts.UnlinkAccount(
            account_service_pb2.UnlinkAccountRequest(user_id=user_id, type="custom", identity=unique),
            metadata=as_server,
        )
        gone = accounts.GetLinkInfo(
            account_service_pb2.GetLinkInfoRequest(type="custom", identity=unique), metadata=as_server
        )
        assert (await refused(gone, "NOT_FOUND_LINK")).code == grpc.StatusCode.NOT_FOUND

    account = binding_pb2.Account(account=f"{unique}@example.com", account_type=2)
    async with world.channel("binding") as channel:
        bindings = binding_service_pb2_grpc.BindingServiceStub(channel)
        bound = await bindings.BatchOperateAccounts(
            binding_service_pb2.BatchOperateAccountsRequest(
                operator_type=2, token_accounts=[binding_pb2.TokenAccounts(token=unique, account_list=[account])]
            ),
            metadata=as_pusher,
        )
        assert (bound.ret_code, list(bound.result)) == (0, ["0"])
        reached = await bindings.QueryAccounts(
            binding_service_pb2.QueryAccountsRequest(operator_type=2, token_list=[unique]), metadata=as_pusher
        )
        assert [item.account for item in reached.token_accounts[0].account_list] == [account.account]
        await bindings.BatchOperateAccounts(
            binding_service_pb2.BatchOperateAccountsRequest(operator_type=5, account_list=[account]),
            metadata=as_pusher,
        )
        gone = bindings.QueryAccounts(
            binding_service_pb2.QueryAccountsRequest(operator_type=2, token_list=[unique]), metadata=as_pusher
        )
        await refused(gone, "NOTHING_BOUND")


async def test_a_token_without_the_permission_is_refused(world: World) -> None:
    async with world.channel("token") as channel:
        tokens = token_service_pb2_grpc.TokenServiceStub(channel)
        user = await tokens.Token(token_service_pb2.TokenRequest(**world.by_assertion()))
        mint = token_service_pb2_grpc.MintServiceStub(channel)
        for metadata, code in (
            ([], grpc.StatusCode.UNAUTHENTICATED),
            (bearer(user.access_token), grpc.StatusCode.PERMISSION_DENIED),
        ):
            call = mint.GetUser(token_service_pb2.GetUserRequest(domain_id="bj1", user_id="u"), metadata=metadata)
            assert (await refused(call)).code == code
