"""A mail server for tests: aiosmtpd, with log-in, over TLS in the way that is asked for.

python mail_server.py tls|starttls|none CERTIFICATE KEY

The first line it prints is its port; then each mail that it takes is a line of JSON. What it refuses is
chosen by the address.
"""

import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

# That it lets in without TLS of its own making: here TLS is the connection's.
warnings.simplefilter("ignore")
logging.disable()

REFUSED = {
    "nobody": "550 5.1.1 no such person",
    "refused": "550 not relaying to that domain",
    "full": "452 4.2.2 the mailbox is full",
    "waiting": "451 4.7.1 come again",
}


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("stranger@"):
            return "550 5.7.1 you may not send as that"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = REFUSED.get(address.split("@")[0])
        if refusal:
            return refusal
        if address.startswith("slow@"):
            await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        if envelope.rcpt_tos[0].startswith("echo@"):
            words = mail.get_body(("plain",)).get_content().split()
            return "554 5.7.1 spam: " + " ".join(word for word in words if "://" in word)
        print(json.dumps(seen(session, envelope, mail)), flush=True)
        return "250 OK"


def seen(session, envelope, mail):
    """All that a test may ask of a mail, as another library than ours reads it."""
    parts = {part.get_content_type(): part.get_content() for part in mail.iter_parts()}
    return {
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "user": session.auth_data,
        "is_encrypted": session.ssl is not None,
        "connection": session.peer[1],
        "headers": {name.lower(): str(value) for name, value in mail.items()},
        "header_names": [name.lower() for name in mail.keys()],
        "type": mail.get_content_type(),
        "text": parts.get("text/plain"),
        "html": parts.get("text/html"),
        "defects": [str(defect) for defect in mail.defects],
    }


def log_in(server, session, envelope, mechanism, data):
    is_right = (data.login, data.password) == (b"accounts", b"hunter2")
    return AuthResult(success=is_right, handled=False, auth_data=data.login.decode())


async def serve(way, certificate, key):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)

    class Protocol(SMTP):
        def connection_made(self, transport):
            super().connection_made(transport)
            if way == "tls":
                self.session.ssl = transport.get_extra_info("ssl_object")

    def protocol():
        return Protocol(
            Handler(),
            hostname="localhost",
            tls_context=tls if way == "starttls" else None,
            require_starttls=way == "starttls",
            auth_required=way != "none",
            auth_require_tls=way == "starttls",
            authenticator=log_in,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        protocol, "127.0.0.1", 0, ssl=tls if way == "tls" else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(serve(*sys.argv[1:]))
