"""A statement and the method that runs it have one name."""

import importlib
import inspect
from pathlib import Path

import pytest

from services.runtime.sql import load_queries

SERVICES = Path(__file__).parents[2] / "services"


@pytest.mark.parametrize("service", ["token", "account", "binding"])
def test_each_statement_has_its_method_and_each_method_its_statement(service: str) -> None:
    store = importlib.import_module(f"services.{service}.store").Store
    methods = dict(inspect.getmembers(store, inspect.iscoroutinefunction))
    public = {name for name in methods if not name.startswith("_")}
    # One file, or one beside each module of the store.
    files = [*(SERVICES / service).glob("queries.sql"), *(SERVICES / service).glob("store/*.sql")]
    assert sorted(public) == sorted(name for file in files for name in load_queries(file))
    for name in public:
        assert f'"{name}"' in inspect.getsource(methods[name]), f"{name} runs another statement"
