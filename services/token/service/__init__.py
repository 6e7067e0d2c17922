"""The servicers: a module for each file of proto/, in its order, a few lines a method: convert, act, convert."""

from tessera.token.v1 import (
    access_token_service_pb2,
    access_token_service_pb2_grpc,
    audit_service_pb2,
    audit_service_pb2_grpc,
    domain_service_pb2,
    domain_service_pb2_grpc,
    feed_service_pb2,
    feed_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    signing_key_service_pb2,
    signing_key_service_pb2_grpc,
    token_admin_service_pb2,
    token_admin_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
    user_data_service_pb2,
    user_data_service_pb2_grpc,
    user_service_pb2,
    user_service_pb2_grpc,
)

from services.runtime.server import Served
from services.token.resources import Resources
from services.token.service.access_token_service import AccessTokenServicer
from services.token.service.audit_service import AuditServicer
from services.token.service.domain_service import DomainServicer
from services.token.service.feed_service import RevocationServicer, UserFeedServicer
from services.token.service.session_service import SessionServicer
from services.token.service.signing_key_service import SigningKeyServicer
from services.token.service.token_admin_service import TokenAdminServicer
from services.token.service.token_service import KeyServicer, MintServicer, TokenServicer
from services.token.service.user_data_service import UserDataServicer
from services.token.service.user_service import UserServicer

SERVED: tuple[Served[Resources], ...] = (
    (token_service_pb2, token_service_pb2_grpc, (TokenServicer, MintServicer, KeyServicer)),
    (access_token_service_pb2, access_token_service_pb2_grpc, (AccessTokenServicer,)),
    (user_service_pb2, user_service_pb2_grpc, (UserServicer,)),
    (session_service_pb2, session_service_pb2_grpc, (SessionServicer,)),
    (user_data_service_pb2, user_data_service_pb2_grpc, (UserDataServicer,)),
    (token_admin_service_pb2, token_admin_service_pb2_grpc, (TokenAdminServicer,)),
    (domain_service_pb2, domain_service_pb2_grpc, (DomainServicer,)),
    (signing_key_service_pb2, signing_key_service_pb2_grpc, (SigningKeyServicer,)),
    (audit_service_pb2, audit_service_pb2_grpc, (AuditServicer,)),
    (feed_service_pb2, feed_service_pb2_grpc, (RevocationServicer, UserFeedServicer)),
)
"""What the token service serves under its own names."""
