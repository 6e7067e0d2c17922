"""The feed, taken in strictly: each change must fit what those before it have made."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tessera.binding.v1 import device_token_service_pb2 as pb2

BOUND = pb2.BindingChange.KIND_BOUND
UNBOUND = pb2.BindingChange.KIND_UNBOUND
EVICTED = pb2.BindingChange.KIND_EVICTED


@dataclass
class Replayed:
    """What a consumer of the feed has, who began with nothing.

    Args:
        bound: the account of each token and type.
        told: changes so far.
        operations: the operations that they are of.
    """

    bound: dict[tuple[str, int], str] = field(default_factory=dict)
    told: int = 0
    operations: set[str] = field(default_factory=set)

    def take(self, changes: Iterable[pb2.BindingChange]) -> None:
        """Apply changes. One that is told twice, or after one that came later, or without one that it needs, fails."""
        for change in changes:
            self.told += 1
            self.operations.add(change.operation_id)
            key = change.token, change.account.type
            if change.kind == BOUND:
                assert key not in self.bound, change
                self.bound[key] = change.account.account
            else:
                assert change.kind in (UNBOUND, EVICTED), change
                assert self.bound.pop(key, None) == change.account.account, change
