"""Broken variants of the memory adapter: kinds of sources, prefixes as patterns, metadata, content passed on."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from buckia_core.adapters.content_types import guess_content_type
from buckia_core.adapters.contract.resume import PartialDownload, resume_by_open
from buckia_core.adapters.contract.types import IfAbsent, UploadInfo
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.planning.manifest import RemoteObject


class PathsLoseAttributes(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        return super().upload_file(source, key, expect=expect, info=None if isinstance(source, Path) else info)


class ReadersLoseAttributes(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        return super().upload_file(
            source, key, expect=expect, info=info if isinstance(source, (bytes, Path)) else UploadInfo()
        )


class PathsIgnoreExpect(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        if isinstance(source, Path) and not isinstance(expect, IfAbsent):
            expect = None
        return super().upload_file(source, key, expect=expect, info=info)


class TypeIsThatOfTheSource(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        if isinstance(source, Path):
            info = info or UploadInfo()
            info = replace(info, content_type=info.content_type or guess_content_type(source.name))
        return super().upload_file(source, key, expect=expect, info=info)


class TimeIsThatOfTheSource(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        if isinstance(source, Path) and info is None:
            info = UploadInfo(mtime_ns=source.stat().st_mtime_ns)
        return super().upload_file(source, key, expect=expect, info=info)


class NamesOfMetadataBeginWithALetter(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        if info is not None:
            info = replace(info, metadata={name: text for name, text in info.metadata.items() if name[0].isalpha()})
        return super().upload_file(source, key, expect=expect, info=info)


class Prefixes(MemorySync):
    """Base of variants that take a prefix for something else."""

    def matches(self, key, prefix):
        return key.startswith(prefix)

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        for found in super().list_files(start_after=start_after, end_at=end_at):
            if self.matches(found.key, prefix):
                yield found


class PrefixIsAGlob(Prefixes):
    def matches(self, key, prefix):
        return fnmatchcase(key, f"{prefix}*")


class PrefixIsAPatternOfSql(Prefixes):
    def matches(self, key, prefix):
        pattern = re.escape(prefix).replace("%", ".*").replace("_", ".")
        return re.match(pattern, key, re.DOTALL) is not None


class PrefixIsAnExpression(Prefixes):
    def matches(self, key, prefix):
        try:
            return re.match(prefix, key) is not None
        except re.error:
            return key.startswith(prefix)


class PrefixHasNoCase(Prefixes):
    def matches(self, key, prefix):
        return key.lower().startswith(prefix.lower())


class PassesContentOnTwice(MemorySync):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._capabilities = replace(self._capabilities, resumable_download=True)

    def resume_download(self, key: str, download: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        def on_content(chunk: bytes | memoryview) -> None:
            download.on_content(chunk)
            download.on_content(chunk)

        return resume_by_open(self, key, replace(download, on_content=on_content), expect)


class PassesContentOnBeforeItIsWritten(PassesContentOnTwice):
    def resume_download(self, key: str, download: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        with self.open_file(key, expect=expect, start=download.start) as reader:
            download.on_content(reader.read())
        return resume_by_open(self, key, replace(download, on_content=lambda _: None), expect)
