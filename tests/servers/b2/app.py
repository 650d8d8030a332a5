"""The program of the child process that `server` starts: serves one world until it is ended."""

from __future__ import annotations

import sys

from .front import Server


def main() -> None:
    """Serve at the host and the port that the command line names."""
    host, port = sys.argv[1], int(sys.argv[2])
    with Server((host, port)) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
