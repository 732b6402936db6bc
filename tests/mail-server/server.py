"""A mail server for tests, as `start` describes it: server.py DIR

What a recipient is called says what becomes of a mail:

    refuse-CODE@…       is refused at once, with this SMTP code
    refuse-data-CODE@…  is refused after the whole mail was read
    hang-up@…           ends the connection without an answer
    stall@…             never gets an answer

Who signs in with a token (XOAUTH2) is let in where the double of Entra ID (CLAVIS_TEST_ENTRA) gave it
out for Exchange Online, it has not ended, and it has the role SMTP.SendAsApp. An account that is called
ask-back@… is asked back where its token is refused, as some servers do.
"""

import asyncio
import base64
import email
import email.policy
import itertools
import json
import os
import pathlib
import re
import signal
import ssl
import sys

import jwt
from aiosmtpd.smtp import SMTP, AuthResult

EXCHANGE, ROLE = "https://outlook.office365.com", "SMTP.SendAsApp"
USER, PASSWORD = "clavis", "ein geheimes Paßwort"


# A command with a token in it is longer than others (RFC 4954, section 4).
SMTP.command_size_limit = SMTP.line_length_limit = 12288


class Handler:
    def __init__(self, folder):
        self.folder = folder
        self.connections = itertools.count(1)
        self.mails = itertools.count(1)

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        session.number = next(self.connections)
        return responses

    async def auth_XOAUTH2(self, server, arguments):
        user = ""
        try:
            said = base64.b64decode(arguments[1], validate=True).decode()
            shape = re.fullmatch("user=([^\x01]+)\x01auth=Bearer ([^\x01]+)\x01\x01", said)
            user, token = shape.groups()
            await asyncio.to_thread(verify, token)
            return AuthResult(success=True, auth_data=user)
        except Exception as error:
            print(f"a token was refused: {error!r}", flush=True)
        if user.startswith("ask-back@"):
            await server.challenge_auth('{"status":"401"}')
        return AuthResult(success=False, handled=False)

    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.partition("@")[0]
        if code := re.fullmatch(r"refuse-(\d{3})", local):
            return f"{code[1]} refused, and the address was <{address}>"
        if local == "hang-up":
            server.transport.abort()
        if local == "stall":
            await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        for address in envelope.rcpt_tos:
            if code := re.match(r"refuse-data-(\d{3})@", address):
                return f"{code[1]} refused after reading"
        name = f"{next(self.mails):04}"
        mail = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        parts = {part.get_content_type(): part for part in mail.walk()}
        about = {
            "head": [[name, str(value)] for name, value in mail.items()],
            "kind": mail.get_content_type(),
            "text": parts["text/plain"].get_content(),
            "html": parts["text/html"].get_content(),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "user": session.auth_data,
            "hello": session.host_name,
            "connection": session.number,
        }
        (self.folder / f"{name}.eml").write_bytes(envelope.original_content)
        unfinished = self.folder / f".{name}"
        unfinished.write_text(json.dumps(about))
        unfinished.rename(self.folder / f"{name}.json")
        return "250 OK"


def verify(token):
    """Raises where the token is not one that the double gave out for Exchange Online."""
    folder = pathlib.Path(os.environ["CLAVIS_TEST_ENTRA"])
    login = json.loads((folder / "address.json").read_text())["login"]
    issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    if not issuer.startswith(login + "/"):
        raise ValueError("it is another issuer's")
    key = jwt.PyJWKClient(f"{issuer}/discovery/v2.0/keys").get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=EXCHANGE, issuer=issuer)
    if ROLE not in claims.get("roles", []):
        raise ValueError(f"it has no {ROLE}")


def authenticate(server, session, envelope, mechanism, data):
    known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=False, auth_data=USER)


def context(folder, name):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return tls


async def main(folder):
    handler = Handler(folder / "mail")
    ours, elsewhere = context(folder, "server"), context(folder, "elsewhere")
    signed_in = {"authenticator": authenticate, "auth_required": True}
    over_tls = {**signed_in, "auth_require_tls": False}
    by_starttls = {**signed_in, "tls_context": ours, "require_starttls": True}
    ports = {
        "tls": (ours, over_tls),
        "starttls": (None, by_starttls),
        "bare": (None, {}),
        "other_name": (elsewhere, over_tls),
    }

    loop = asyncio.get_running_loop()
    address = {"host": "localhost", "user": USER, "password": PASSWORD}
    servers = []
    for name, (tls, options) in ports.items():
        server = await loop.create_server(
            lambda options=options: SMTP(
                handler, hostname="localhost", loop=loop, enable_SMTPUTF8=True, **options
            ),
            host="127.0.0.1",
            port=0,
            ssl=tls,
        )
        servers.append(server)
        address[name] = server.sockets[0].getsockname()[1]

    unfinished = folder / "address.json.part"
    unfinished.write_text(json.dumps(address))
    unfinished.rename(folder / "address.json")

    stop = asyncio.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(end, stop.set)
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(pathlib.Path(sys.argv[1])))
