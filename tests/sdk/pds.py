"""Calls PDS by the vendor's client for it. Reads jobs as JSON, prints what each call of each came to.

The client takes its arguments as they are: `signature_version` is `v4` or absent, `bearer_token` stands for a key.
"""

import json
import sys
from typing import Any

from alibabacloud_credentials import models as credential_models
from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_pds20220301 import models
from alibabacloud_pds20220301.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.exceptions import DaraException, UnretryableException

CALLS: dict[str, type] = {
    "token": models.TokenRequest,
    "link_account": models.LinkAccountRequest,
    "un_link_account": models.UnLinkAccountRequest,
    "get_link_info": models.GetLinkInfoRequest,
    "get_link_info_by_user_id": models.GetLinkInfoByUserIdRequest,
}


def client_of(job: dict[str, Any]) -> Client:
    config = Config(endpoint=job["endpoint"], protocol="HTTP", signature_version=job.get("signature_version"))
    if token := job.get("bearer_token"):
        config.credential = CredentialClient(credential_models.Config(type="bearer", bearer_token=token))
    else:
        config.access_key_id, config.access_key_secret = job["key"], job["secret"]
    return Client(config)


def call(client: Client, name: str, fields: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = getattr(client, name)(CALLS[name](**fields))
    except UnretryableException as error:
        inner = error.inner_exception
        return {"code": inner.code, "message": inner.message, "status": (inner.data or {}).get("statusCode")}
    except DaraException as error:
        data = getattr(error, "data", None) or {}
        return {"code": error.code, "message": error.message, "status": data.get("statusCode")}
    body = getattr(answer, "body", None)
    return {"status": answer.status_code, "body": body.to_map() if body else None}


def done(job: dict[str, Any]) -> list[dict[str, Any]]:
    client = client_of(job)
    return [call(client, name, fields) for name, fields in job["calls"]]


def main() -> None:
    json.dump([done(job) for job in json.load(sys.stdin)], sys.stdout)


main()
