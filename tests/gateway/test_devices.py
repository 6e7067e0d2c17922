"""gateway/filters/devices.lua: which bodies of /v3 are none, though the transcoder would take them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st
from tessera.binding.v1 import binding_service_pb2

from tests.gateway.test_filters import FILTERS, VALUES

ACCOUNTS = '[{"account":"a@b","account_type":9},{"account":"c"}]'
ENTRY = '{"token":"t","account_list":' + ACCOUNTS + "}"


def malformed(text: str) -> bool:
    return FILTERS.call("return require('devices').malformed(...)", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        ' { "operator_type" : 2 , "token_accounts" : [ ' + ENTRY + " ] } \r\n",
        '{"operatorType":2,"tokenAccounts":[' + ENTRY + "," + ENTRY + "]}",
        '{"operator_type":4,"token_list":["t","","\\u00e9\\\\\\"\\/","统"]}',
        '{"operator_type":5,"account_list":' + ACCOUNTS + ',"account_type":null}',
        '{"operator_type":4,"token_list":null,"token_accounts":null,"account_list":null}',
        '{"operator_type":4,"token_list":[],"token_accounts":[{"account_list":null}],"account_list":[{}]}',
        # Fields of old clients may be anything, twice too; and ours have their meaning in their place alone.
        '{"platform":"android","op_type":[null,[]],"op_id":{"token_list":"t"},"platform":1e5}',
        '{"token":"t","token":"t","token_accounts":[{"token_list":{}}]}',
        '{"platf\\u00f6rm":1,"op_id":{"\\u0061":1}}',
    ],
)
def test_what_the_transcoder_judges(text: str) -> None:
    assert not malformed(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"token_list":"t"}',
        '{"tokenList":"t"}',
        '{"token_list":{}}',
        '{"token_list":1}',
        '{"token_list":["t",null]}',
        '{"token_list":[["t"]]}',
        '{"token_list":[1]}',
        '{"account_list":{"account":"a@b"}}',
        '{"account_list":["a@b"]}',
        '{"account_list":[null,{"account":"a@b"}]}',
        '{"token_accounts":' + ENTRY + "}",
        '{"token_accounts":[[' + ENTRY + "]]}",
        '{"token_accounts":[{"token":"t","account_list":{"account":"a@b"}}]}',
        '{"token_accounts":[{"token":"t","account_list":[null]}]}',
        '{"token_accounts":[{"token":"t","accountList":["a@b"]}]}',
    ],
)
def test_what_is_no_list_where_one_belongs(text: str) -> None:
    assert malformed(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"operator_type":4,"operator_type":5}',
        '{"operator_type":4,"operatorType":4}',
        '{"token_list":["t"],"token_list":["t"]}',
        '{"token_accounts":[{"token":"a","token":"b"}]}',
        '{"token_accounts":[{"accountList":[],"account_list":[]}]}',
        '{"account_list":[{"account":"a@b","account_type":1,"account_type":2}]}',
    ],
)
def test_a_field_that_stands_twice(text: str) -> None:
    assert malformed(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"token\\u005Flist":["t"]}',
        '{"token_accounts":[{"\\u0074oken":"t"}]}',
        '{"account_list":[{"account":"a@b","account\\u005ftype":1}]}',
    ],
)
def test_a_name_that_may_be_a_fields_under_escapes(text: str) -> None:
    assert malformed(text)


def fields_of(message: Descriptor, around: str = "BODY") -> Iterator[tuple[FieldDescriptor, str]]:
    """Each field of a request, however deep, and the JSON around the message that it is in."""
    for field in message.fields:
        yield field, around
        if field.message_type:
            yield from fields_of(field.message_type, around.replace("BODY", f'{{"{field.name}":[BODY]}}'))


REQUESTS = [binding_service_pb2.BatchOperateAccountsRequest, binding_service_pb2.QueryAccountsRequest]


@pytest.mark.parametrize("request_", REQUESTS)
def test_every_field_of_the_contract_is_known(request_: Any) -> None:
    fields = list(fields_of(request_.DESCRIPTOR))
    assert len(fields) > 5
    for field, around in fields:
        item = "{}" if field.message_type else '"a"'
        value = f"[{item}]" if field.is_repeated else item
        for name in (field.name, field.json_name):
            assert not malformed(around.replace("BODY", f'{{"{name}":{value}}}'))
            assert malformed(around.replace("BODY", f'{{"{name}":{value},"{field.name}":{value}}}'))
            if field.is_repeated:
                for wrong in (item, f"[{value}]", "[null]", "[1]"):
                    assert malformed(around.replace("BODY", f'{{"{name}":{wrong}}}'))


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "{",
        "}",
        '{"a"}',
        '{"a":}',
        '{"a":1',
        '{"a":1,}',
        "{'a':1}",
        "{a:1}",
        '{"a":[1,]}',
        '{"a":[,1]}',
        '{"a":[1 2]}',
        '{"a":1}{}',
        '{"a":1} trailing',
        '\ufeff{"a":1}',
        '{"a":/**/1}',
        '{"a":"\n"}',
        '{"a":"\0"}',
        '{"a":"\\x41"}',
        '{"a":"\\',
        '{"a":"b',
        '{"a' + '":[' * 200_000,
        "[" * 200_000,
        '{"a":' + "[" * 101 + "]" * 101 + "}",
    ],
)
def test_what_is_no_json(text: str) -> None:
    assert malformed(text)


@given(VALUES)
def test_json_is_taken(value: object) -> None:
    assert not malformed(json.dumps({"platform": value}, indent=1))
    assert not malformed(json.dumps({"platform": value}, ensure_ascii=False, separators=(",", ":")))


@given(st.text(alphabet='{}[],:" ', max_size=30))
def test_what_is_taken_is_json(text: str) -> None:
    if text and not malformed(text):
        json.loads(text)
