"""The servicers, a module each: a few lines a method, which convert, act and convert."""

from tessera.account.v1 import (
    account_admin_service_pb2,
    account_admin_service_pb2_grpc,
    account_service_pb2,
    account_service_pb2_grpc,
    domain_settings_service_pb2,
    domain_settings_service_pb2_grpc,
    link_service_pb2,
    link_service_pb2_grpc,
    logon_service_pb2,
    logon_service_pb2_grpc,
    open_account_xml_service_pb2,
    open_account_xml_service_pb2_grpc,
    user_data_service_pb2,
    user_data_service_pb2_grpc,
    user_system_service_pb2,
    user_system_service_pb2_grpc,
)

from services.account.resources import Resources
from services.account.service.account_admin_service import AccountAdminServicer
from services.account.service.account_service import AccountServicer
from services.account.service.domain_settings_service import DomainSettingsServicer
from services.account.service.link_service import LinkServicer
from services.account.service.logon_service import LogonServicer
from services.account.service.open_account_service import OpenAccountServicer
from services.account.service.open_account_xml_service import OpenAccountXmlServicer
from services.account.service.user_data_service import UserDataServicer
from services.account.service.user_system_service import UserSystemServicer
from services.runtime.server import Served

SERVED: tuple[Served[Resources], ...] = (
    (account_service_pb2, account_service_pb2_grpc, (AccountServicer, OpenAccountServicer)),
    (open_account_xml_service_pb2, open_account_xml_service_pb2_grpc, (OpenAccountXmlServicer,)),
    (account_admin_service_pb2, account_admin_service_pb2_grpc, (AccountAdminServicer,)),
    (domain_settings_service_pb2, domain_settings_service_pb2_grpc, (DomainSettingsServicer,)),
    (link_service_pb2, link_service_pb2_grpc, (LinkServicer,)),
    (logon_service_pb2, logon_service_pb2_grpc, (LogonServicer,)),
    (user_data_service_pb2, user_data_service_pb2_grpc, (UserDataServicer,)),
    (user_system_service_pb2, user_system_service_pb2_grpc, (UserSystemServicer,)),
)
"""What the account service serves under its own names."""
