"""The servers that tests run against, and a proxy that makes connections to them go wrong.

`CephGateway`, `MotoServer` and `RcloneServer` are S3 servers; tests get them from fixtures of the same kind (`ceph`,
`moto_server`, `rclone_server` in `tests/conftest.py`), one of each for a whole run. A `FaultProxy` stands before any
http server, counts its requests and injects the faults of `faults`.
"""
