"""Authlib: a Flask server that people sign in to, and a service with a key and the API that it calls."""

import json
import os
import sys
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask, jsonify
from joserfc import jws
from joserfc.jwk import ECKey


def next_line():
    return json.loads(sys.stdin.readline())


def say(line):
    print(json.dumps(line), flush=True)


def ask(what, **more):
    say({"ask": what, **more})
    return next_line()


SETTINGS = next_line()
DISCOVERY = SETTINGS["issuer"] + "/.well-known/openid-configuration"


def web():
    """A web server with a secret."""
    app = Flask(__name__)
    app.secret_key = os.urandom(16)
    oauth = OAuth(app)
    oauth.register(
        "postern",
        client_id=SETTINGS["client_id"],
        client_secret=SETTINGS["client_secret"],
        server_metadata_url=DISCOVERY,
        client_kwargs={
            "scope": "openid profile email offline_access",
            "code_challenge_method": "S256",
        },
    )
    held = {}

    @app.get("/login")
    def login():
        return oauth.postern.authorize_redirect(SETTINGS["redirect_uri"])

    @app.get("/callback")
    def callback():
        # Redeems the code and verifies the ID token: signature, issuer, audience, nonce, at_hash.
        held.update(oauth.postern.authorize_access_token())
        info = oauth.postern.userinfo(token=held)
        return jsonify(id_token=held["userinfo"], userinfo=info)

    @app.get("/logout")
    def logout():
        return oauth.postern.logout_redirect(
            SETTINGS["post_logout_redirect_uri"], id_token_hint=held["id_token"]
        )

    @app.get("/signed-out")
    def signed_out():
        return jsonify(oauth.postern.validate_logout_response())

    browser = app.test_client()

    def person(path):
        """Opens a page of ours; the person does what it sends her to, and comes back."""
        back = urlsplit(ask("open", url=browser.get(path).location)["url"])
        return browser.get(f"{back.path}?{back.query}")

    found = person("/login").json
    header = jws.extract_compact(held["id_token"].encode()).headers()

    metadata = requests.get(DISCOVERY).json()
    session = OAuth2Session(
        SETTINGS["client_id"],
        SETTINGS["client_secret"],
        scope="openid profile email offline_access",
        token=dict(held),
        token_endpoint=metadata["token_endpoint"],
    )
    first = held["refresh_token"]
    refreshed = session.refresh_token(metadata["token_endpoint"])
    again = session.get(metadata["userinfo_endpoint"]).json()
    revoked = session.revoke_token(metadata["revocation_endpoint"], token=first)
    try:
        session.refresh_token(metadata["token_endpoint"], refresh_token=first)
        afterwards = "not refused"
    except OAuthError as error:
        afterwards = error.error
    left = person("/logout")
    say(
        {
            "sub": found["id_token"]["sub"],
            "alg": header["alg"],
            "email": found["userinfo"]["email"],
            "same_person": again["sub"] == found["id_token"]["sub"] == found["userinfo"]["sub"],
            "kept": refreshed["refresh_token"] == first,
            "revoked": revoked.status_code,
            "afterwards": afterwards,
            "signed_out_to": left.json["post_logout_redirect_uri"],
        }
    )


def service():
    """A service whose key authenticates it, and the API that it calls, which checks its token in both ways."""
    key = ECKey.generate_key("P-256", {"kid": "one"})
    ask("register", jwks={"keys": [key.as_dict(private=False)]})
    metadata = requests.get(DISCOVERY).json()
    session = OAuth2Session(
        SETTINGS["client_id"],
        key,
        scope="read",
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint=metadata["token_endpoint"],
    )
    session.register_client_auth_method(
        PrivateKeyJWT(metadata["token_endpoint"], alg="ES256", headers={"kid": "one"})
    )
    token = session.fetch_token(
        metadata["token_endpoint"], grant_type="client_credentials", resource=SETTINGS["api"]
    )

    class Validator(JWTBearerTokenValidator):
        def get_jwks(self):
            return requests.get(metadata["jwks_uri"]).json()

    def api(audience):
        app = Flask(__name__)
        require = ResourceProtector()
        require.register_token_validator(Validator(SETTINGS["issuer"], audience))

        @app.get("/read")
        @require("read")
        def read():
            return jsonify(current_token["sub"])

        @app.get("/write")
        @require("write")
        def write():
            return jsonify(current_token["sub"])

        return app.test_client()

    def call(client, path):
        headers = {"Authorization": "Bearer " + token["access_token"]}
        return client.get(path, headers=headers)

    checked = call(api(SETTINGS["api"]), "/read").json
    asking = OAuth2Session("api", SETTINGS["api_secret"])
    told = asking.introspect_token(metadata["introspection_endpoint"], token["access_token"])
    say(
        {
            "checked": checked,
            "too_much": call(api(SETTINGS["api"]), "/write").status_code,
            "elsewhere": call(api("https://other.example"), "/read").status_code,
            "told": {name: told.json().get(name) for name in ("active", "client_id", "scope")},
        }
    )


{"web": web, "service": service}[sys.argv[1]]()
