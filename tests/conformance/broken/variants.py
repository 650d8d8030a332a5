"""All broken variants, by name."""

from __future__ import annotations

from buckia_core.adapters.memory.sync import MemorySync

from . import (
    http_operations,
    http_transport,
    memory_arguments,
    memory_coroutines,
    memory_edges,
    memory_reads,
    memory_writes,
)
from .http_edits import Variant

BASES = {"Rewriting", "Attributes", "Reporting", "Listing", "Keys", "SimilarKeys", "LaterPages", "Prefixes"}

MEMORY_VARIANTS: dict[str, type[MemorySync]] = {
    name: value
    for module in (memory_writes, memory_reads, memory_edges, memory_arguments, memory_coroutines)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, MemorySync) and value is not MemorySync and name not in BASES
}
"""The variants of the memory adapter, with `ClaimsNothing`, which is not broken."""

HTTP_VARIANTS: dict[str, Variant] = {
    **http_transport.ERRORS,
    **http_transport.TRANSPORT,
    **http_operations.LISTINGS,
    **http_operations.READS,
    **http_operations.WRITES,
    **http_operations.COROUTINES,
}
"""The variants of the adapter that `buckia new-adapter` writes."""
