"""Calls in the RPC style by the vendor's newer client, which signs by ACS3. Reads jobs, prints what came."""

import json
import sys
from typing import Any

from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.exceptions import DaraException
from darabonba.runtime import RuntimeOptions


def call(client: Client, told: dict[str, Any]) -> dict[str, Any]:
    params = Params(
        action=told["action"],
        version="2018-05-01",
        protocol="HTTP",
        pathname="/",
        method=told["method"],
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    request = OpenApiRequest(query=told.get("query"), body=told.get("form"))
    try:
        answer = client.call_api(params, request, RuntimeOptions())
    except DaraException as error:
        data = getattr(error, "data", None) or {}
        return {"code": error.code, "message": error.message, "status": data.get("statusCode")}
    return {"status": answer["statusCode"], "body": answer["body"]}


def done(job: dict[str, Any]) -> list[dict[str, Any]]:
    config = Config(
        access_key_id=job["key"], access_key_secret=job["secret"], endpoint=job["endpoint"], protocol="HTTP"
    )
    client = Client(config)
    return [call(client, told) for told in job["calls"]]


def main() -> None:
    json.dump([done(job) for job in json.load(sys.stdin)], sys.stdout)


main()
