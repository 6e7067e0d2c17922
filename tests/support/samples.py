"""The samples of the vendors' pages, as they stand there; missing brackets are mended, nothing else."""

from typing import Any

import jwt

LINK_ACCOUNT = {"user_id": "xxx", "type": "ding", "identity": "eyy***", "extra": "86"}

_ACCESS_TOKEN = (
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOiJjOWI3YTVhYTA0ZDE0YWUzODY3ZmRjODg2ZmEwMWRhNCIsImN1c3R"
    "vbUpzb24iOiJ7XCJjbGllbnRJZFwiOlwiMjVkelgzdmJZcWt0Vnh5WFwiLFwiZG9tYWluSWRcIjpcImJqMjlcIixcInNjb3BlXCI6W1w"
    "iRFJJVkUuQUxMXCIsXCJTSEFSRS5BTExcIixcIkZJTEUuQUxMXCIsXCJVU0VSLkFMTFwiLFwiVklFVy5BTExcIixcIlNUT1JBR0UuQUx"
    "MXCIsXCJTVE9SQUdFRklMRS5MSVNUXCIsXCJCQVRDSFwiLFwiT0FVVEguQUxMXCIsXCJJTUFHRS5BTExcIixcIklOVklURS5BTExcIix"
    "cIkFDQ09VTlQuQUxMXCJdLFwicm9sZVwiOlwidXNlclwiLFwicmVmXCI6XCJodHRwczovL3d3dy5hbGl5dW5kcml2ZS5jb20vXCIsXCJ"
    "kZXZpY2VfaWRcIjpcImIyODIwNWU1YzU5NzRjY2JiODI3MDNiNjhkYjhjNDUxXCJ9IiwiZXhwIjoxNjQ4NjE0NDkzLCJpYXQiOjE2NDg"
    "2MDcyMzN9.d3HVLvv_LFw2QhPrhvjH_kICWQJX9sKKt7NjQEqI_xE2JO_b7D8rPsFTZz93PLvZ7MhCmudTjGImUpd-ehFnI4Go-1S7BG"
    "aKaHFILvP-sWy18Wpikowjxx9mSbzBM_cO6D1LI-kyYhXKWHgVdADfVIPniTDA7-ffhUpi7cAebEs"
)

TOKEN = {
    "access_token": _ACCESS_TOKEN,
    "refresh_token": "060e78d36afb4879b51e4264e9541c16",
    "expires_in": 3600,
    "token_type": "Bearer",
    "user_id": "DING-xxxxx",
    "user_name": "pdsuser",
    "avatar": "aliyunpds.com/a.jpg",
    "nick_name": "pdsuser",
    "default_drive_id": "1",  # the one page has a string here, the other a number; the vendor's model says string
    "role": "admin",
    "status": "enabled",
    "expire_time": "2019-09-01T06:57:48.813Z",
    "is_first_login": False,
    "device_id": "8574ecc3d4904dc095cc49202e74db94",
    "device_name": "4683C25F",
    "domain_id": "bj1",
}

ACCESS_TOKEN_CLAIMS = jwt.decode(_ACCESS_TOKEN, options={"verify_signature": False})
"""What the sample's access token says; its `customJson` is a text of JSON."""

DESCRIBE_OPEN_ACCOUNT: dict[str, Any] = {
    "RequestId": "E94C9864-56FB-44AD-AC0C-A1CEFB332254",
    "OpenAccount": {
        "AliyunId": "aliyunidtest",
        "CreateAccessKey": "createaccesskeytest",
        "DisplayName": "displaynametest",
        "IdentityId": "identityidtest",
        "Idp": "ALIOS",
        "LoginId": "loginidtest",
        "Mobile": "1390000****",
        "OpenId": "12345",
        "Region": "cn",
        "Status": 0,
        "Type": 1,
    },
}

DESCRIBE_OPEN_ACCOUNT_XML = """<DescribeOpenAccountResponse>
	  <RequestId>E94C9864-56FB-44AD-AC0C-A1CEFB332254</RequestId>
	  <OpenAccount>
		    <AliyunId>aliyunidtest</AliyunId>
		    <CreateAccessKey>createaccesskeytest</CreateAccessKey>
		    <DisplayName>displaynametest</DisplayName>
		    <IdentityId>identityidtest</IdentityId>
		    <Idp>ALIOS</Idp>
		    <LoginId>loginidtest</LoginId>
		    <Mobile>1390000****</Mobile>
		    <OpenId>12345</OpenId>
		    <Region>cn</Region>
		    <Status>0</Status>
		    <Type>1</Type>
	  </OpenAccount>
</DescribeOpenAccountResponse>"""

_TWO_TOKENS = """
    "token_accounts": [
        {
            "token": "token1",
            "account_list": [
                {
                    "account": "926@126.com"
                },
                {
                    "account": "1527000000"
                }
            ]
        },
        {
            "token": "token2",
            "account_list": [
                {
                    "account": "926@163.com"
                },
                {
                    "account": "1527000001"
                }
            ]
        }
    ]
}"""

BATCH_OPERATE = {
    1: '{\n  "operator_type": 1,' + _TWO_TOKENS,
    2: '{\n  "operator_type": 2,' + _TWO_TOKENS,
    3: '{\n  "operator_type": 3,' + _TWO_TOKENS,
    4: """{
  "operator_type": 4,
  "token_list": [
      "token1",
      "token2",
      "token3"
  ]
}""",
    5: """{
  "operator_type": 5,
  "account_list": [
      {
          "account": "926@126.com"
      },
      {
          "account": "1527000000"
      }
  ]
}""",
}

ACCOUNT_LIST = '[{"account":"926@126.com"},{"account":"1527000000"},{"account":"2849249569","account_type":9}]'

TOKEN_ACCOUNTS = """[{"token":"token1","account_list":[{"account":"926@126.com"},{"account":"1527000000"}]},
{"token":"token2","account_list":[{"account":"926@163.com"},{"account":"1527000001"}]}]"""

BATCH_OPERATE_ANSWER: dict[str, Any] = {"ret_code": 0, "err_msg": "NO_ERROR", "result": ["0"]}


def same_shape(answer: Any, sample: Any, path: str = "$") -> None:
    """Every key of the sample is there, with the sample's JSON type; lists compare by their first element."""
    assert type(answer) is type(sample), f"{path}: {answer!r} is no {type(sample).__name__}"
    if isinstance(sample, dict):
        for key, value in sample.items():
            assert key in answer, f"{path}.{key} is missing"
            same_shape(answer[key], value, f"{path}.{key}")
    if isinstance(sample, list) and sample:
        assert answer, f"{path} is empty"
        for item in answer:
            same_shape(item, sample[0], f"{path}[]")
