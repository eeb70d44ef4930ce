"""A real OpenID provider on loopback, built on Authlib's server side: it judges our requests.

It demands PKCE with S256, the client's password and the registered address, and signs with a
key of its own. Whoever asks for its page is signed in as `person` at once.
"""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from flask import Flask, jsonify
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

CLIENT_ID, CLIENT_SECRET = "ccxsec", "a-secret-of-the-test"
ANSWER = "https://testserver/admin/login/openid/answer/"


class Registered:
    """Our product, as the provider knows it; `answer`: its address that is answered at."""

    client_id = CLIENT_ID

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return self.answer

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, uri: str) -> bool:
        return uri == self.answer

    def check_client_secret(self, secret: str) -> bool:
        return secrets.compare_digest(secret, CLIENT_SECRET)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class Code:
    """One code that was given out, with what was asked for."""

    def __init__(self, request: Any, code: str) -> None:
        asked = request.payload.data
        self.code, self.user, self.nonce = code, request.user, asked.get("nonce")
        self.redirect_uri, self.scope = asked["redirect_uri"], asked["scope"]
        self.code_challenge = asked.get("code_challenge")
        self.code_challenge_method = asked.get("code_challenge_method")
        self.auth_time = int(time.time())

    def get_redirect_uri(self) -> str:
        return str(self.redirect_uri)

    def get_scope(self) -> str:
        return str(self.scope)

    def get_nonce(self) -> Any:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nobody reads it."""


class Provider:
    """`person` holds the claims of who signs in; `spoil` changes the claims of an ID token."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.person: dict[str, Any] = {"sub": "1", "preferred_username": "ann", "groups": []}
        self.spoil: dict[str, Any] = {}
        self.codes: dict[str, Code] = {}
        self.key = self.published = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
        self.app = Flask(__name__)
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True, request_handler=_Quiet)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.told_issuer = self.issuer
        self._routes(_authorization(self))

    def _routes(self, server: AuthorizationServer) -> None:
        self.app.add_url_rule(
            "/authorize",
            "authorize",
            lambda: server.create_authorization_response(
                grant_user=self.person, grant=server.get_consent_grant(end_user=self.person)
            ),
        )
        self.app.add_url_rule("/token", "token", server.create_token_response, methods=["POST"])
        keys = KeySet([self.published])
        self.app.add_url_rule("/keys", "keys", lambda: jsonify(keys.as_dict(private=False)))
        self.app.add_url_rule(
            "/.well-known/openid-configuration",
            "described",
            lambda: jsonify(
                issuer=self.told_issuer,
                authorization_endpoint=f"{self.issuer}/authorize",
                token_endpoint=f"{self.issuer}/token",
                jwks_uri=f"{self.issuer}/keys",
            ),
        )


def _authorization(provider: Provider) -> AuthorizationServer:
    server = AuthorizationServer(
        provider.app,
        query_client=lambda name: Registered(provider.answer) if name == CLIENT_ID else None,
        save_token=lambda token, request: None,
    )
    server.register_grant(_grant(provider), [_id_token(provider), CodeChallenge(required=True)])
    return server


def _grant(provider: Provider) -> Any:
    class Grant(grants.AuthorizationCodeGrant):  # type: ignore[misc] # Authlib has no types
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]

        def save_authorization_code(self, code: str, request: Any) -> None:
            provider.codes[code] = Code(request, code)

        def query_authorization_code(self, code: str, client: Any) -> Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, row: Code) -> None:
            provider.codes.pop(row.code)

        def authenticate_user(self, row: Code) -> Any:
            return row.user

    return Grant


def _id_token(provider: Provider) -> Any:
    class IdToken(OpenIDCode):  # type: ignore[misc] # Authlib has no types
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return False

        def resolve_client_private_key(self, client: Any) -> Any:
            return provider.key

        def get_client_algorithm(self, client: Any) -> str:
            return "RS256"

        def get_client_claims(self, client: Any) -> dict[str, str]:
            return {"iss": provider.issuer}

        def generate_user_info(self, user: Any, scope: str) -> UserInfo:
            return UserInfo(**user)

        def encode_id_token(self, token: Any, request: Any) -> str:
            signed = super().encode_id_token(token, request)
            claims = jwt.decode(signed, provider.key).claims | provider.spoil
            return str(jwt.encode({"alg": "RS256", "kid": "1"}, claims, provider.key))

    return IdToken(require_nonce=True)


@contextmanager
def running(answer: str = ANSWER) -> Iterator[Provider]:
    """A provider that answers inside the block, and leads back to that address alone."""
    provider = Provider(answer)
    thread = threading.Thread(target=provider.server.serve_forever)
    thread.start()
    yield provider
    provider.server.shutdown()
    thread.join()
    provider.server.server_close()
