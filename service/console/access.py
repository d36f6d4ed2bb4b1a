"""Decides who may look at the console and who may act on alerts.

Without tokens everybody on this machine may do both, and nobody else may act. Tokens are compared in
constant time and never logged.
"""

import hmac
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web


class Role(IntEnum):
    """What somebody may do; each role may do what those before it may."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may do what.

    Attributes
    ----------
    host : str
        The address that is listened on.
    viewer_token, operator_token : str or None
        What a request has to bear; None = there is no such token. Without a viewer token everybody
        may look.
    """

    host: str
    viewer_token: str | None = None
    operator_token: str | None = None

    def role(self, request: web.Request) -> Role:
        """Return what the sender of a request may do."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        if _is(given, self.operator_token):
            return Role.OPERATOR
        if _is(given, self.viewer_token):
            return Role.VIEWER
        if self.operator_token is None and self.is_local and _is_own(request):
            return Role.OPERATOR if self.viewer_token is None else Role.NOBODY
        return Role.VIEWER if self.viewer_token is None else Role.NOBODY

    @property
    def is_local(self) -> bool:
        """Whether only this machine is listened to."""
        return is_loopback(self.host)

    def warnings(self) -> list[tuple[str, str]]:
        """Return what others than this machine may or may not do for want of a token, and the remedy."""
        if self.is_local:
            return []
        found = []
        if self.viewer_token is None:
            found.append(
                (
                    f"everybody who reaches {self.host} may read all that the console shows",
                    "put a token into the secret file http_viewer_token, or listen on 127.0.0.1",
                )
            )
        if self.operator_token is None:
            found.append(
                (
                    "nobody may act on alerts, for there is no token for it",
                    "put a token into the secret file http_operator_token, or listen on 127.0.0.1",
                )
            )
        return found

    def refusal(self, request: web.Request, needed: Role) -> web.Response | None:
        """Return the answer to a request that may not be served, None if it may."""
        if self.role(request) >= needed:
            return None
        if needed is Role.OPERATOR and self.operator_token is None:
            problem = (
                "nobody may act from here: give the daemon the secret file http_operator_token"
            )
            return web.json_response({"problem": problem}, status=403)
        problem = f"this needs the token of a {needed.name.lower()}: Authorization: Bearer ..."
        headers = {"WWW-Authenticate": "Bearer"}
        status = 403 if "Authorization" in request.headers else 401
        return web.json_response({"problem": problem}, status=status, headers=headers)


def is_loopback(host: str) -> bool:
    """Say whether an address or name is one of this machine alone.

    Examples
    --------
    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "iss.example")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is(given: bytes, token: str | None) -> bool:
    return token is not None and hmac.compare_digest(given, token.encode())


def _is_own(request: web.Request) -> bool:
    """Say whether a request names this machine, so that no foreign page speaks through a browser."""
    named = urlsplit(f"//{request.host}").hostname or ""
    origin = request.headers.get("Origin")
    is_same = origin is None or urlsplit(origin).netloc == request.host
    return is_loopback(named) and is_same
