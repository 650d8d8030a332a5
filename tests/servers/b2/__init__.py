"""Backblaze B2's native API over real HTTP, with state, for tests. Left out: https, replication and event
notifications.

`server.py` is what a test uses. Behind it, in a process of its own, `app.py` serves what the other modules know.
Sources named in docstrings: "docs" is Backblaze's public API documentation, "b2sdk" the vendor's client, whose
exception and parsing code shows what the service answers, "rclone" its b2 backend, and "chosen" is where no source
says it and the server had to do something.
"""
