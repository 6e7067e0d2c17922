"""Puts the stubs into a wheel: made from proto/ when the wheel is, by the functions that `make proto` uses."""

import importlib.util
import shutil
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The gateway's and token's own: nobody else speaks it.
_NOT_FOR_CALLERS = "edge"


class Stubs(BuildHookInterface[Any]):
    """Makes the stubs beside what is in `tessera/` here."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make them, and name them as files of the wheel. Raises `RuntimeError` for an installation in place."""
        if self.target_name != "wheel":
            return
        if version == "editable":
            raise RuntimeError("the stubs are made for a wheel alone: install it without --editable")
        here = Path(self.root)
        protos = next(folder for folder in (here / "proto", here.parents[1]) if (folder / "tessera" / "token").is_dir())
        self._made = Path(tempfile.mkdtemp())
        _maker(here).make_stubs(protos, self._made)
        for package in (self._made / "tessera").iterdir():
            if package.name != _NOT_FOR_CALLERS:
                (package / "py.typed").touch()
                build_data["force_include"][str(package)] = f"tessera/{package.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 hatchling's
        """Take away what is in the wheel now."""
        if self.target_name == "wheel":
            shutil.rmtree(self._made)


def _maker(here: Path) -> ModuleType:
    """deploy/protos.py, which stands here in a source distribution."""
    file = here / "protos.py"
    if not file.exists():
        file = here.parents[2] / "deploy" / "protos.py"
    found = importlib.util.spec_from_file_location("protos", file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
