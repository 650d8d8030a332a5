"""The program of the child process that `moto_server` starts: one moto, on an http and an https port.

moto's own command serves one port, and two of its processes would not show the same buckets.
"""

from __future__ import annotations

import argparse
import logging
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", nargs=3, metavar=("PORT", "CERTIFICATE", "KEY"))
    arguments = parser.parse_args()

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = DomainDispatcherApplication(create_backend_app)

    def serve(port: int, certificate: tuple[str, str] | None) -> None:
        make_server(
            arguments.host,
            port,
            application,
            threaded=True,
            request_handler=MotoRequestHandler,
            ssl_context=certificate,
        ).serve_forever()

    if arguments.tls:
        tls_port, certificate, key = arguments.tls
        threading.Thread(target=serve, args=(int(tls_port), (certificate, key)), daemon=True).start()
    serve(arguments.port, None)


if __name__ == "__main__":
    main()
