"""Runs all benchmarks, one after the other: `python -m tests.benchmarks`."""

from __future__ import annotations

from tests.benchmarks import transfers, unchanged

if __name__ == "__main__":
    unchanged.main()
    transfers.main()
