"""What the binding service answers instead of success, beside the runtime's refusals.

Refusal
└── BindingRefusal
    └── NothingBound
"""

from tessera.binding.v1 import error_reason_pb2

from services.runtime.errors import Refusal


class BindingRefusal(Refusal):
    """The base of binding's own errors."""

    reasons = error_reason_pb2.ErrorReason


class NothingBound(BindingRefusal):
    """None of the accounts or tokens asked for has anything bound."""

    reason = "NOTHING_BOUND"
    public = "No token or account was found."
