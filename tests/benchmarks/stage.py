"""What all contenders share: a bucket, files, credentials in the environment, configurations."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from tests.servers.ceph import CephGateway


class Stage:
    """A fresh bucket on a server, and a place for files.

    Attributes:
        project: The local folder that is synced.
        env: The environment of all contenders: credentials of the server, and nothing that is the machine's own.
    """

    def __init__(self, server: CephGateway, place: Path) -> None:
        self.server = server
        self.place = place
        self.project = place / "project"
        self.project.mkdir(parents=True)
        self.bucket = server.new_bucket("bench")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_"))}
        # It would have us compile all modules at each start, which no installation does.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        self.env = env | {
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "AWS_REGION": server.region,
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        }

    def configure(self, path: Path, local: Path, prefix: str = "") -> None:
        """Write a configuration of buckia that maps a folder onto a prefix of the bucket."""
        settings = {
            "provider": "s3",
            "bucket_name": self.bucket,
            "endpoint_url": self.server.endpoint,
            "region": self.server.region,
            "prefix": prefix,
            "paths": [str(local)],
        }
        path.write_text(json.dumps({"bench": settings}), encoding="utf-8")

    def rclone_config(self) -> str:
        """Write rclone's configuration, and return its path."""
        path = self.place / "rclone.conf"
        text = f"[ceph]\ntype = s3\nprovider = Ceph\nendpoint = {self.server.endpoint}\nenv_auth = true\n"
        path.write_text(text, encoding="utf-8")
        return str(path)

    def clear(self, prefix: str) -> None:
        """Delete the objects below a prefix, and what buckia remembers of them."""
        client = self.server.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            keys = [{"Key": each["Key"]} for each in page.get("Contents", ())]
            if keys:
                client.delete_objects(Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True})
        client.close()
        if prefix in ("", "buckia/"):
            shutil.rmtree(self.place / ".buckia-state", ignore_errors=True)


def program(name: str) -> str:
    """Return the path of a program, preferably that of this environment."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if not found:
        raise SystemExit(f"{name} is not installed; make test installs it")
    return found
