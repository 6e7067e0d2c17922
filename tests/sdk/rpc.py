"""Calls in the RPC style by the vendor's older client. Reads jobs, prints what came of each call of each.

A call is made as one of a product that the client does not know, or as `RpcRequest`, on which those that it knows rest.
"""

import json
import sys
import warnings
from typing import Any

from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest, RpcRequest


def request_of(job: dict[str, Any], told: dict[str, Any]) -> CommonRequest | RpcRequest:
    if told.get("known"):
        request = RpcRequest("iovcc", "2018-05-01", told["action"])
        request.set_endpoint(job["endpoint"])
    else:
        request = CommonRequest(domain=job["endpoint"], version="2018-05-01", action_name=told["action"])
    request.set_protocol_type("http")
    request.set_method(told["method"])
    for name, value in told.get("query", {}).items():
        request.add_query_param(name, value)
    for name, value in told.get("form", {}).items():
        request.add_body_params(name, value)
    if told["format"]:
        request.set_accept_format(told["format"])
    return request


def call(client: AcsClient, job: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    request = request_of(job, told)
    try:
        if told["format"] == "JSON":
            return {"body": client.do_action_with_exception(request).decode()}
        # The one way to anything but JSON, which the client calls old.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return {"body": client.do_action(request).decode()}
    except ServerException as error:
        return {
            "code": error.get_error_code(),
            "message": error.get_error_msg(),
            "status": error.get_http_status(),
            "request_id": error.get_request_id(),
        }
    except ClientException as error:
        return {"code": error.get_error_code(), "message": error.get_error_msg()}


def done(job: dict[str, Any]) -> list[dict[str, Any]]:
    client = AcsClient(job["key"], job["secret"], "cn-shanghai")
    return [call(client, job, told) for told in job["calls"]]


def main() -> None:
    json.dump([done(job) for job in json.load(sys.stdin)], sys.stdout)


main()
