"""The daemons of a Ceph object store on one machine: a monitor, one OSD that keeps data in memory, a gateway."""

from __future__ import annotations

import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buckia_core.testing.fault_proxy.ports import HOST, free_port

from .certificate import Certificate
from .process import ChildProcess, ServerFailed, answers_http, run

PROGRAMS: Final = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "monmaptool")

# The Paxos intervals are what makes the start quick: each new pool waits for a proposal, one second with
# Ceph's defaults. The short logs of placement groups, which nobody replays here, halve the memory: about 15 KiB an
# object, however small, remain.
_CONFIGURATION: Final = """\
[global]
fsid = {fsid}
mon host = v1:{host}:{mon_port}
ms type = async+posix
ms bind ipv6 = false
public addr = {host}
auth cluster required = none
auth service required = none
auth client required = none
run dir = {home}/run
log file = {home}/$name.log
pid file = {home}/run/$name.pid
admin socket =
crash dir = {home}/crash
keyring = {home}/keyring

mon data = {home}/mon
mon allow pool size one = true
mon max pg per osd = 1000
paxos propose interval = 0.05
paxos min wait = 0.01

osd data = {home}/osd
osd objectstore = memstore
memstore device bytes = {capacity}
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd min pg log entries = 10
osd max pg log entries = 10
osd pg log dups tracked = 10
osd target pg log entries per osd = 0

rgw data = {home}/rgw
rgw frontends = {frontends}
rgw dynamic resharding = false
rgw lifecycle work time = 00:00-23:59
rgw lc max wp worker = 1
rgw gc obj min wait = 120
rgw gc processor period = 60

debug auth = 0/0
debug client = 0/0
debug mon = 0/0
debug monc = 0/0
debug ms = 0/0
debug objclass = 0/0
debug objecter = 0/0
debug osd = 0/0
debug paxos = 0/0
debug rados = 0/0
debug rgw = 0/0
debug rocksdb = 0/0
{lifecycle}
"""


@dataclass(frozen=True, slots=True)
class Daemons:
    """Where the started daemons are reached."""

    configuration: Path
    port: int
    tls_port: int


def write_configuration(
    home: Path, certificate: Certificate, *, capacity: int, lifecycle_day: int | None
) -> tuple[Daemons, str, int]:
    """Write `ceph.conf` into `home`; return where the daemons will be, the cluster's id and the monitor's port."""
    fsid, mon_port, port, tls_port = str(uuid.uuid4()), free_port(), free_port(), free_port()
    for folder in ("mon", "osd", "rgw", "run", "crash"):
        (home / folder).mkdir()
    configuration = home / "ceph.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            fsid=fsid,
            host=HOST,
            home=home,
            mon_port=mon_port,
            capacity=capacity,
            # Without `tcp_nodelay`, the body of each answer waits 40 ms for the client to acknowledge its head.
            frontends=f"beast endpoint={HOST}:{port} ssl_endpoint={HOST}:{tls_port} "
            f"ssl_certificate={certificate.pem_file} tcp_nodelay=1",
            lifecycle="rgw enable lc threads = false"
            if lifecycle_day is None
            else f"rgw lc debug interval = {lifecycle_day}",
        )
    )
    return Daemons(configuration, port, tls_port), fsid, mon_port


def start_daemons(
    stack: ExitStack,
    home: Path,
    certificate: Certificate,
    *,
    capacity: int,
    lifecycle_day: int | None,
    access_key: str,
    secret_key: str,
) -> Daemons:
    """Start a new cluster in the empty folder `home` and create one user; `stack` stops the daemons.

    Raises ServerFailed with the tail of the log of whatever failed.
    """
    daemons, fsid, mon_port = write_configuration(home, certificate, capacity=capacity, lifecycle_day=lifecycle_day)
    conf = ["-c", str(daemons.configuration)]
    log = home / "commands.log"
    monmap, osd_id = str(home / "monmap"), str(uuid.uuid4())

    def daemon(program: str, *arguments: str) -> ChildProcess:
        # Nothing in memory is worth saving, so the daemons are killed at once.
        argv = [program, *conf, "-f", *arguments]
        return stack.enter_context(ChildProcess(argv, log=home / f"{program}.out", grace=0))

    run(["monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v1:{HOST}:{mon_port}]", monmap], log=log)
    run(["ceph-mon", *conf, "--mkfs", "-i", "a", "--monmap", monmap], log=log)
    daemon("ceph-mon", "-i", "a")
    _insist(["ceph", *conf, "--connect-timeout", "30", "osd", "new", osd_id], log=log)
    run(["ceph-osd", *conf, "-i", "0", "--mkfs", "--osd-uuid", osd_id], log=log)
    # An OSD that asks the monitor for its settings first may then send a command before it knows the cluster's
    # id, is refused ("wrong fsid") and ends.
    daemon("ceph-osd", "--no-mon-config", "-i", "0")
    gateway = daemon("radosgw", "--no-mon-config", "-n", "client.rgw.a")
    gateway.wait_until(lambda: answers_http(daemons.port), seconds=90)
    user = ["--uid=tests", "--display-name=tests", "--max-buckets=0", "--caps=users=*"]
    keys = [f"--access-key={access_key}", f"--secret-key={secret_key}"]
    run(["radosgw-admin", *conf, "--no-mon-config", "user", "create", *user, *keys], log=log)
    return daemons


def _insist(argv: list[str], *, log: Path) -> None:
    """Run a command that may be repeated. A monitor that has only just started refuses one now and then (EPERM)."""
    deadline = time.monotonic() + 5
    while True:
        try:
            run(argv, log=log, seconds=40)
        except ServerFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
