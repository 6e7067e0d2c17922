"""Every reason of account has one class, and every class a reason."""

from tessera.account.v1 import error_reason_pb2

from services.account.errors import AccountRefusal


def test_each_reason_has_its_class() -> None:
    classes = AccountRefusal.__subclasses__()
    assert sorted(each.reason for each in classes) == sorted(error_reason_pb2.ErrorReason.keys()[1:])
    for each in classes:
        assert each().status().message == each.public
