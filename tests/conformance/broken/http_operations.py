"""Broken variants of the adapter that `buckia new-adapter` writes: listings, reads, writes."""

from __future__ import annotations

from .http_edits import Edit, Variant, edited, overridden

VERSION_IS_COMPARED = "                if expect is not None and found.fingerprint != expect.fingerprint:"
"""The line in which the adapter compares the version that it got with the expected one."""

LISTINGS = {
    "listing_swallows_errors": overridden(
        "list_files",
        """
        try:
            yield from self.original_list_files(prefix, **options)
        except AdapterError:
            return
        """,
        "test_refused_credentials",
    ),
    "listing_of_a_missing_bucket_is_empty": overridden(
        "list_files",
        """
        try:
            yield from self.original_list_files(prefix, **options)
        except NotFound:
            return
        """,
        "test_missing_bucket",
    ),
    "cut_listing_is_accepted": overridden(
        "list_files",
        """
        try:
            yield from self.original_list_files(prefix, **options)
        except (Transient, incomplete("", "").__class__):
            return
        """,
        "test_incomplete_listing_is_an_error",
    ),
    "listing_of_something_else_is_empty": Variant(
        "test_response_of_something_else_is_no_listing",
        (
            Edit("sync", 'json_fields.entries(page, "objects")', 'page.get("objects", [])'),
            Edit("sync", 'json_fields.next_page(page, "next")', 'page.get("next")'),
        ),
    ),
    "listing_ends_after_a_page": edited(
        "sync", "            if following is None:\n", "            if following:\n", "test_listing_longer_than_a_page"
    ),
    "listing_begins_with_its_start": edited(
        "sync",
        "self._prefix + start_after\n",
        "self._prefix + start_after[:-1]\n",
        "test_start_after_is_not_itself_listed",
    ),
    "keys_outside_of_the_prefix_are_cut": edited(
        "sync",
        "if not key.startswith(self._prefix + prefix):",
        "if not key:",
        "test_listing_with_a_key_outside_of_the_prefix_is_an_error",
    ),
    "prefix_is_ignored": edited(
        "sync",
        "self._prefix = normalize_prefix(settings.prefix)",
        'self._prefix = ""',
        "test_keys_are_below_the_prefix",
    ),
    "prefix_is_text": edited(
        "sync", "normalize_prefix(settings.prefix)", "settings.prefix", "test_keys_are_below_the_prefix"
    ),
    "identity_without_bucket": edited("sync", "/{settings.bucket_name}/", "/", "test_identity_names_the_bucket"),
    "identity_without_prefix": edited(
        "sync", "/{settings.bucket_name}/{self._prefix}", "/{settings.bucket_name}", "test_identity_names_the_prefix"
    ),
    "stat_is_remembered": overridden(
        "stat_file",
        """
        known = self.__dict__.setdefault("known", {})
        if key not in known:
            known[key] = self.original_stat_file(key)
        return known[key]
        """,
        "test_changes_by_others_are_seen",
    ),
    "etags_keep_their_quotes": edited(
        "objects", "fingerprint=etag[1]", "fingerprint=etag[0]", "test_all_reports_agree"
    ),
    "listing_invents_times": edited(
        "objects",
        'mtime_ns=None if entry["mtime_ns"] is None else int(entry["mtime_ns"])',
        'mtime_ns=json_fields.millis(entry, "modified_ms") * 1_000_000',
        "test_modification_time_is_that_of_the_upload_or_absent",
    ),
    "times_are_in_milliseconds": edited(
        "objects",
        'json_fields.millis(entry, "modified_ms") * 1_000_000',
        'json_fields.millis(entry, "modified_ms")',
        "test_upload_time_is_that_of_the_provider",
    ),
}
"""Wrong listings and attributes."""

READS = {
    "range_of_an_empty_object_is_an_error": edited(
        "sync", "except RangeOutside as error:", "except ZeroDivisionError as error:", "test_download_of_a_range"
    ),
    "empty_range_is_asked_for": edited(
        "sync", "if end is not None and end <= start:", "if False:", "test_download_of_a_range"
    ),
    "size_of_the_range_is_that_of_the_object": edited(
        "sync",
        "return object_from_headers(headers, key, size), end - start",
        "return object_from_headers(headers, key, end - start), end - start",
        "test_download_of_a_range",
    ),
    "end_of_a_range_is_inclusive": edited("sync", "else end - 1}", "else end}", "test_download_of_a_range"),
    "expected_version_is_ignored": Variant(
        "test_expected_version_of_a_large_object",
        (
            Edit("sync", "headers = {} if expect is None else", "headers = {} if True else"),
            Edit("sync", VERSION_IS_COMPARED, "                if False:"),
        ),
    ),
    "expected_version_of_a_range_is_ignored": Variant(
        "test_expected_version_of_a_large_object",
        (
            Edit("sync", "headers = {} if expect is None else", "headers = {} if expect is None or start > 0 else"),
            Edit("sync", VERSION_IS_COMPARED, VERSION_IS_COMPARED.replace("if ", "if start == 0 and ")),
        ),
    ),
    "expected_version_of_an_empty_range_is_ignored": edited(
        "sync",
        "found = self.stat_file(key)\n        if expect is not None and found.fingerprint != expect.fingerprint:",
        "found = self.stat_file(key)\n        if False:",
        "test_other_version_than_expected_in_a_range",
    ),
    "etag_is_sent_without_quotes": edited(
        "objects",
        """return f'"{fingerprint}"'""",
        "return fingerprint",
        "test_if_unchanged_takes_an_object_from_anywhere",
    ),
    "ranges_are_of_different_versions": overridden(
        "download_file",
        """
        import time
        size = self.stat_file(key).size
        if size < 2 or options:
            return self.original_download_file(key, target, **options)
        found = self.original_download_file(key, target, end=size // 2)
        # As over a slow network: the second range comes after an overwrite, if there is one.
        give_up = time.monotonic() + 5
        while self.stat_file(key).fingerprint == found.fingerprint and time.monotonic() < give_up:
            pass
        with self._open(key, None, size // 2, None) as (_, chunks), target.open("ab") as file:
            for chunk in chunks:
                file.write(chunk)
        return found
        """,
        "test_reads_during_overwrites_are_of_one_version",
    ),
    "reader_mixes_versions": overridden(
        "open_file",
        """
        size = self.stat_file(key).size
        if size < 2 or options:
            with self.original_open_file(key, **options) as reader:
                yield reader
            return

        def chunks():
            for start in range(0, size, 1 << 18):
                with self._open(key, None, start, start + (1 << 18)) as (_, parts):
                    yield from parts

        with open_chunks(chunks()) as reader:
            yield reader
        """,
        "test_reader_stays_with_its_version",
    ),
}
"""Wrong reads."""

WRITES = {
    "broken_source_leaves_an_object": overridden(
        "upload_file",
        """
        failures = []

        def chunks(reader):
            try:
                yield from iter_chunks(reader)
            except OSError as error:
                failures.append(error)

        with open_source(source) as reader, open_chunks(chunks(reader)) as wrapped:
            found = self.original_upload_file(wrapped, key, **options)
        if failures:
            raise failures[0]
        return found
        """,
        "test_source_that_breaks_leaves_nothing",
    ),
    "broken_upload_leaves_an_object": overridden(
        "upload_file",
        """
        self.original_upload_file(b"", key, expect=options.get("expect"))
        return self.original_upload_file(source, key, info=options.get("info"))
        """,
        "test_source_that_breaks_leaves_nothing",
    ),
    "absence_is_not_asked_for": edited(
        "objects",
        '            headers["If-None-Match"] = "*"\n',
        "            pass\n",
        "test_preconditions_of_a_large_object",
    ),
    "unchanged_is_not_asked_for": edited(
        "objects",
        '            headers["If-Match"] = quote_etag(seen.fingerprint)\n',
        "            pass\n",
        "test_preconditions_of_a_large_object",
    ),
    "looks_then_writes": overridden(
        "upload_file",
        """
        expect = options.pop("expect", None)
        if expect is not None:
            try:
                found = self.stat_file(key)
            except NotFound:
                found = None
            if not __import__("buckia_core").satisfies(expect, found):
                raise changed(key)
        return self.original_upload_file(source, key, **options)
        """,
        "test_one_of_several_conditional_writers_wins",
    ),
    "metadata_is_not_encoded": edited(
        "objects", ": quote(value) for", ": value for", "test_values_of_metadata_are_kept"
    ),
    "metadata_stays_encoded": edited(
        "objects", ": unquote(value) for", ": value for", "test_values_of_metadata_are_kept"
    ),
    "metadata_is_lost": edited(
        "objects", "for name, value in info.metadata.items()}", "for name, value in ()}", "test_metadata_is_kept"
    ),
    "own_entries_are_shown": edited(
        "objects",
        'name.lower().startswith("x-meta-")}',
        'name.lower().startswith(("x-meta-", "x-mtime"))}',
        "test_values_of_metadata_are_kept",
    ),
    "type_of_the_upload_is_ignored": edited(
        "objects",
        "info.content_type or guess_content_type(key)",
        "guess_content_type(key)",
        "test_content_type_of_the_upload_is_kept",
    ),
    "times_are_in_seconds": edited(
        "objects", "str(info.mtime_ns)", "str(info.mtime_ns // 10**9 * 10**9)", "test_modification_time_is_kept"
    ),
    "escapes_are_not_escaped": edited(
        "objects", 'quote(part, safe="")', 'quote(part, safe="%")', "test_keys_round_trip"
    ),
    "slashes_are_collapsed": edited(
        "objects", 'key.split("/")', 'filter(None, key.split("/"))', "test_keys_round_trip"
    ),
    "long_keys_are_sent": Variant(
        "test_key_longer_than_declared_is_refused",
        (
            Edit("sync", "if not 0 < size <= limit:", "if not size:"),
            Edit("errors", '    "KeyTooLong": InvalidKey,\n', ""),
        ),
    ),
    "absent_object_fails_its_delete": edited(
        "sync", "        except NotFound:\n            return None\n", "", "test_delete_of_an_absent_key_is_no_error"
    ),
    "failed_deletes_succeed": edited(
        "sync",
        "        except AdapterError as error:\n            return error",
        "        except AdapterError:\n            return None",
        "test_refused_credentials",
    ),
    "missing_bucket_makes_deletes_succeed": edited(
        "sync", "        except BucketNotFound:\n            raise\n", "", "test_missing_bucket"
    ),
    "key_that_is_refused_ends_a_delete": edited(
        "sync",
        "        except AdapterError as error:\n            return error",
        "        except ZeroDivisionError:\n            return None",
        "test_delete_of_keys_that_can_not_be_stored",
    ),
    "only_the_last_key_of_a_delete_fails": overridden(
        "delete_files",
        """
        outcomes = self.original_delete_files(keys)
        return [DeleteOutcome(each.key) for each in outcomes[:-1]] + outcomes[-1:]
        """,
        "test_outcomes_of_deletes_are_true",
    ),
    "deletes_are_sorted": overridden(
        "delete_files", "return self.original_delete_files(sorted(keys))", "test_outcomes_are_in_the_order_given"
    ),
    "doubles_are_deleted_once": overridden(
        "delete_files",
        "return self.original_delete_files(list(dict.fromkeys(keys)))",
        "test_delete_of_a_key_that_is_named_twice",
    ),
}
"""Wrong writes and deletes."""

COROUTINES = {
    "coroutines_block_the_loop": Variant(
        "test_a_slow_response_blocks_no_other_call",
        (
            Edit(
                "sync",
                "            start_after=True,\n",
                "            start_after=True,\n            coroutines=True,\n",
            ),
            Edit(
                "sync",
                "    def stat_file(",
                "    async def stat_file_async(self, key):\n        return self.stat_file(key)\n\n"
                "    async def read_file_async(self, key, **options):\n"
                "        return self.read_file(key, **options)\n\n"
                "    async def open_file_async(self, key, **options):\n"
                "        raise NotImplementedError\n\n"
                "    async def upload_file_async(self, source, key, **options):\n"
                "        return self.upload_file(source, key, **options)\n\n"
                "    async def delete_files_async(self, keys):\n        return self.delete_files(keys)\n\n"
                "    async def close_async(self):\n        self._client.close()\n\n"
                "    def stat_file(",
            ),
        ),
    ),
}
