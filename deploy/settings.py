"""Every class of settings that a process is told, by who reads it."""

from collections.abc import Mapping
from typing import Any

from deploy.local.config import LocalSettings
from gateway.config import ServeSettings
from services.account.config import AccountSettings
from services.binding.config import BindingSettings
from services.runtime.settings import ServerSettings
from services.token.config import TokenSettings

SETTINGS: Mapping[str, type[Any]] = {
    "Every service": ServerSettings,
    "token": TokenSettings,
    "account": AccountSettings,
    "binding": BindingSettings,
    "The gateway": ServeSettings,
    "The stack without containers (`make run`)": LocalSettings,
}
