"""Broken variants of the adapter that `buckia new-adapter` writes: errors, connections, bodies.

Each is caught by the test that it names. Not among them is what no suite can tell from a slow or a lenient provider,
such as a missing time-out.
"""

from __future__ import annotations

from .http_edits import Edit, Variant, edited, overridden

SIGNED = Edit(
    "client",
    "        for name, value in headers.items():\n            # The error",
    '        headers["X-Auth-Signature"] = f"{hash(self._token.reveal()):064x}"\n'
    "        for name, value in headers.items():\n            # The error",
)
"""Sends what is derived from the token, which no message may show either, and which Buckia does not know."""

ERRORS = {
    "missing_bucket_is_a_missing_object": edited(
        "errors", '"NoSuchBucket": BucketNotFound', '"NoSuchBucket": NotFound', "test_missing_bucket"
    ),
    "missing_bucket_is_any_error": edited(
        "errors", '"NoSuchBucket": BucketNotFound', '"NoSuchBucket": AdapterError', "test_missing_bucket"
    ),
    "every_error_is_retryable": edited(
        "errors", "        status=status,", "        status=status, retryable=True,", "test_refused_credentials"
    ),
    "no_error_is_retryable": edited(
        "errors",
        "        status=status,",
        "        status=status, retryable=False,",
        "test_server_errors_are_retryable",
    ),
    "statuses_are_not_translated": edited("errors", "    **STATUS_ERRORS,\n", "", "test_server_errors_are_retryable"),
    "refusal_is_an_absent_object": edited(
        "errors",
        "    **STATUS_ERRORS,\n",
        "    **STATUS_ERRORS,\n    403: NotFound,\n",
        "test_refusals_are_not_retryable",
    ),
    "throttling_is_any_server_error": edited(
        "errors",
        "    **STATUS_ERRORS,\n",
        "    **STATUS_ERRORS,\n    429: Transient,\n",
        "test_throttling_has_the_time_to_wait",
    ),
    "retry_after_is_ignored": edited(
        "errors", 'parse_retry_after(headers.get("Retry-After"))', "None", "test_throttling_has_the_time_to_wait"
    ),
    "conflict_is_not_mapped": edited(
        "errors", "    409: Transient,\n", "", "test_one_of_several_conditional_writers_wins"
    ),
    "failed_condition_is_not_mapped": edited(
        "errors", "    412: PreconditionFailed,\n", "", "test_expected_version_of_a_large_object"
    ),
    "failed_condition_is_retryable": edited(
        "errors", "    412: PreconditionFailed,\n", "    412: Transient,\n", "test_expected_version_of_a_large_object"
    ),
    "errors_have_no_key": edited(
        "errors", "key=None if kind is BucketNotFound else key", "key=None", "test_errors_have_provider_and_key"
    ),
    "errors_have_no_provider": edited(
        "errors", "        provider=PROVIDER,\n        key=None if", "        key=None if", "test_refused_credentials"
    ),
    "missing_bucket_has_a_key": edited(
        "errors", "key=None if kind is BucketNotFound else key", "key=key", "test_missing_bucket"
    ),
}
"""Wrong translation of what a server says."""

TRANSPORT = {
    "errors_of_http_are_not_translated": edited(
        "client",
        "except (HTTPException, OSError) as error:\n            details",
        "except ZeroDivisionError as error:\n            details",
        "test_broken_connections_are_retryable",
    ),
    "broken_connections_are_final": edited(
        "client",
        "raise no_response(error, key=request.key, **details) from error",
        'raise AdapterError(f"{request.action}: no connection", provider=PROVIDER, key=request.key) from error',
        "test_broken_connections_are_retryable",
    ),
    "statuses_are_not_looked_at": edited(
        "client",
        "if not 200 <= response.status < 300:",
        "if response.status == 404:",
        "test_server_errors_are_retryable",
    ),
    "requests_are_repeated": edited(
        "client",
        "            if not 200 <= response.status < 300:",
        "            if response.status >= 500:\n"
        "                connection.close()\n"
        "                response = self._exchange(connection, request, headers)\n"
        "            if not 200 <= response.status < 300:",
        "test_adapters_do_not_retry",
    ),
    "broken_requests_are_repeated": edited(
        "client",
        "            response = self._exchange(connection, request, headers)\n",
        "            try:\n"
        "                response = self._exchange(connection, request, headers)\n"
        "            except AdapterError:\n"
        "                connection.close()\n"
        "                response = self._exchange(connection, request, headers)\n",
        "test_adapters_do_not_retry_after_a_broken_connection",
    ),
    "signature_in_the_message_of_a_status": Variant(
        "test_refusals_are_not_retryable",
        (
            SIGNED,
            Edit(
                "client",
                "raise response_error(response.status, response.headers, request.action, request.key)",
                'raise response_error(response.status, response.headers, f"{request.action} {headers}", request.key)',
            ),
        ),
    ),
    "signature_in_the_message_of_a_connection": Variant(
        "test_broken_connections_are_retryable",
        (
            SIGNED,
            Edit(
                "client",
                "        with self._translate(request):\n            response = connection.getresponse()",
                '        with self._translate(__import__("dataclasses").replace(request, key=f"{headers}")):\n'
                "            response = connection.getresponse()",
            ),
        ),
    ),
    "token_in_a_cause": edited(
        "client",
        "key=request.key, **details) from error",
        "key=request.key, **details) from OSError(self._token.reveal())",
        "test_broken_connections_are_retryable",
    ),
    "token_in_the_identity": edited(
        "sync",
        '        return f"{PROVIDER}:',
        '        return f"{settings.token.reveal()}@{PROVIDER}:',
        "test_credentials_are_in_no_name_of_the_adapter",
    ),
    "content_is_unpacked": edited(
        "client",
        "            if not chunk:\n                break\n",
        "            if not chunk:\n                break\n"
        '            if response.headers.get("Content-Encoding") == "gzip":\n'
        '                chunk = __import__("gzip").decompress(chunk)\n',
        "test_encoded_content_is_not_decoded",
    ),
    "cut_content_is_accepted": Variant(
        "test_incomplete_content_is_an_error",
        (
            Edit(
                "client", "        if response.length:\n            raise incomplete(request.key, request.action)\n", ""
            ),
            Edit("sync", "DigestVerifier(() if has_range else found.digests)", "DigestVerifier(())"),
        ),
    ),
    "shorter_length_is_accepted": Variant(
        "test_incomplete_content_is_an_error",
        (
            Edit("sync", "response.length != length or (expect is not None and found.size != expect.size)", "False"),
            Edit("sync", "DigestVerifier(() if has_range else found.digests)", "DigestVerifier(())"),
        ),
    ),
    "incomplete_content_is_final": edited(
        "errors",
        'incomplete", provider=PROVIDER',
        'incomplete", retryable=False, provider=PROVIDER',
        "test_incomplete_content_is_an_error",
    ),
    "error_of_the_source_is_one_of_the_network": edited(
        "client",
        "        complete = True\n        if request.body is not None:\n",
        "        complete = True\n        if request.body is not None:\n"
        "            with self._translate(request):\n"
        '                request = __import__("dataclasses").replace(request, body=list(request.body))\n',
        "test_source_that_breaks_leaves_nothing",
    ),
    "limit_is_ignored": edited(
        "sync",
        "        self._client.counter.limit(before_request)\n",
        "",
        "test_limit_holds_for_each_request",
    ),
    "requests_are_not_counted": edited("client", "        self.counter.add()\n", "", "test_requests_only_grow"),
    "requests_of_attributes_are_not_counted": edited(
        "client",
        "        self.counter.add()\n",
        '        if request.method != "HEAD":\n            self.counter.add()\n',
        "test_request_count_is_that_of_the_server",
    ),
    "redirects_get_the_token": edited(
        "client",
        "            if not 200 <= response.status < 300:",
        "            if response.status in (302, 307):\n"
        "                connection.close()\n"
        '                connection = HTTPConnection(urlsplit(response.headers["Location"]).netloc)\n'
        "                response = self._exchange(connection, request, headers)\n"
        "            if not 200 <= response.status < 300:",
        "test_redirects_get_no_credentials_and_no_content",
    ),
    "redirects_get_the_content": edited(
        "client",
        "            if not 200 <= response.status < 300:",
        "            if response.status in (302, 307):\n"
        "                connection.close()\n"
        '                connection = HTTPConnection(urlsplit(response.headers["Location"]).netloc)\n'
        "                response = self._exchange(connection, request, {})\n"
        "            if not 200 <= response.status < 300:",
        "test_redirects_get_no_credentials_and_no_content",
    ),
    "content_without_a_length_is_accepted": Variant(
        "test_content_without_a_length_is_an_error_if_it_is_cut",
        (
            Edit("sync", 'size = int(headers["Content-Length"])', 'size = int(headers.get("Content-Length", 0))'),
            Edit("sync", "response.length != length or (expect is not None and found.size != expect.size)", "False"),
            Edit("sync", "DigestVerifier(() if has_range else found.digests)", "DigestVerifier(())"),
        ),
    ),
    "whole_object_is_taken_for_its_range": edited(
        "sync",
        "            if wanted is None:\n",
        '            if wanted is None or "Content-Range" not in headers:\n',
        "test_range_that_the_server_ignores",
    ),
    "expected_version_is_left_to_the_server": edited(
        "sync",
        "                if expect is not None and found.fingerprint != expect.fingerprint:\n                    raise",
        "                if False:\n                    raise",
        "test_precondition_that_the_server_ignores",
    ),
    "lost_reply_of_an_upload_is_success": overridden(
        "upload_file",
        """
        try:
            return self.original_upload_file(source, key, **options)
        except Transient:
            return RemoteObject(key, 0, "unknown")
        """,
        "test_broken_connections_are_retryable",
    ),
    "lost_reply_of_a_delete_is_success": edited(
        "sync",
        "        except AdapterError as error:\n            return error",
        "        except AdapterError as error:\n            return None if error.retryable else error",
        "test_broken_connections_are_retryable",
    ),
}
"""Wrong dealing with connections and bodies."""
