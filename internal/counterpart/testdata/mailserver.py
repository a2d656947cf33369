"""A mail server that wants TLS and a password, and keeps each message as a file.

mailserver.py PORT CERTIFICATE KEY FOLDER
"""

import json
import os
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, certificate, key, folder = sys.argv[1:]


class Keep:
    async def handle_DATA(self, server, session, envelope):
        name = os.path.join(folder, "%06d" % len(os.listdir(folder)))
        message = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "login": session.auth_data.login.decode(),
            "tls": session.ssl is not None,
            "data": envelope.original_content.decode(),
        }
        with open(name + ".tmp", "w") as f:
            json.dump(message, f)
        os.rename(name + ".tmp", name + ".json")
        return "250 kept"


def authenticate(server, session, envelope, mechanism, auth):
    return AuthResult(success=auth.login == b"meter" and auth.password == b"p@ss word", handled=False, auth_data=auth)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
Controller(
    Keep(), hostname="127.0.0.1", port=int(port), tls_context=context, require_starttls=True, auth_required=True, authenticator=authenticate
).start()
print("listening", flush=True)
threading.Event().wait()
