# SPDX-License-Identifier: GPL-3.0-or-later
"""portal.py FOLDER: a cafe's web servers, for tests/netns/portal.sh.

http on port 8080, and https on 8443 with FOLDER/server.pem and .key. Each
path is answered with what its file in FOLDER/answers says: a status, a header
and a body, as they are sent; without a file not at all. Each request is a line
of the output: the port, the path, and from where it came.
"""
import os
import socketserver
import ssl
import sys
import threading

folder = sys.argv[1]


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        path = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        print(self.server.port, path, self.client_address[0], flush=True)
        try:
            with open(folder + "/answers" + path, "rb") as f:
                self.wfile.write(b"HTTP/1.1 " + f.read())
        except FileNotFoundError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port, context=None):
        super().__init__(("0.0.0.0", port), Handler)
        self.port = port
        self.context = context

    def get_request(self):
        s, who = super().get_request()
        s.settimeout(10)
        if self.context:
            s = self.context.wrap_socket(s, server_side=True)
        return s, who

    def handle_error(self, request, client_address):
        print("failed", client_address[0], flush=True)


servers = [Server(8080)]
if os.path.exists(folder + "/server.pem"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
    servers.append(Server(8443, context))
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
servers[0].serve_forever()
