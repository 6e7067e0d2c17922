"""The token service, as account calls it: a module for what is asked of it, each with the methods of one purpose."""

from services.account.peers.calling import Proof
from services.account.peers.links import Actor, Links, Token, User
from services.account.peers.logon import Logon
from services.account.peers.user_data import Erasure, UserData, UserRecord

__all__ = ["Actor", "Erasure", "Proof", "Token", "TokenPeer", "User", "UserRecord"]


class TokenPeer(Links, Logon, UserData):
    """Calls token for account. Each call but a stream answers, or refuses within 2 seconds."""
