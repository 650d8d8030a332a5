"""Secrets and signatures do not get into texts and logs."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.config.redaction import RedactingFilter, redact
from buckia_core.config.secrets import Secret

KEY = "wJalr/XUtnFEMI+K7MDENG='\"bPx\\é"


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        quote(KEY, safe=""),
        quote(KEY),
        quote_plus(KEY),
        re.sub("%..", lambda escape: escape[0].lower(), quote(KEY, safe="")),
        json.dumps(KEY),
        repr(KEY),
        base64.b64encode(KEY.encode()).decode(),
        base64.urlsafe_b64encode(KEY.encode()).decode(),
        base64.b64encode(f"u:{KEY}".encode()).decode(),
        base64.b64encode(f"us:{KEY}".encode()).decode(),
        base64.b64encode(f"use:{KEY}:more".encode()).decode(),
    ],
)
def test_a_secret_is_found_in_the_forms_in_which_it_is_written(form):
    shown = redact(f"before {form} after", [Secret(KEY)])
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "***" in shown
    assert not [part for part in ("XUtnFEMI", "K7MDENG", form[8:-8]) if part in shown]


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=12, max_size=40),
    before=st.binary(max_size=7),
    after=st.binary(max_size=7),
)
def test_a_secret_is_found_wherever_it_stands_in_base64(secret, before, after):
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    shown = redact(encoded, [Secret(secret)])
    # What is left is the neighbours, and less than one character of the secret on each side.
    assert len(shown.replace("***", "")) <= 4 * (len(before) + len(after) + 6) // 3 + 2
    assert "***" in shown


@given(st.text(max_size=30), st.text(min_size=4, max_size=20), st.text(max_size=30))
def test_no_text_shows_a_secret(before, secret, after):
    shown = redact(before + secret + after, [Secret(secret)])
    assert secret not in shown or secret in "***" + after + before or set(secret) <= {"*"}


def test_of_two_secrets_the_longer_is_hidden_whole():
    assert redact("abcd-efgh-ijkl", [Secret("abcd"), Secret("abcd-efgh-ijkl")]) == "***"


def test_a_text_of_a_few_characters_would_hide_everything_and_is_left():
    assert redact("a cat sat", [Secret("at"), Secret("")]) == "a cat sat"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /b?X-Amz-Signature=0a1b&X-Amz-Date=2", "GET /b?X-Amz-Signature=***&X-Amz-Date=2"),
        ("https://h/k?X-Amz-Security-Token=FwoG%2B&a=b", "https://h/k?X-Amz-Security-Token=***&a=b"),
        ("https://h/k?token=HS256-abc&expires=9", "https://h/k?token=***&expires=9"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=A/2, Signature=0a\nHost: h", "Authorization: ***\nHost: h"),
        ("authorization:Basic dTpw", "authorization:***"),
        ("{'Authorization': b'AWS4 Signature=0a', 'Host': 'h'}", "{'Authorization': ***, 'Host': 'h'}"),
        ('{"AccessKey": "0a1b-2c", "a": 1}', '{"AccessKey": ***, "a": 1}'),
        ("AccessKey: 0a1b-2c3d", "AccessKey: ***"),
        (r"b'GET /\r\nAuthorization: Basic dTpw\r\nHost: h\r\n'", r"b'GET /\r\nAuthorization: ***\r\nHost: h\r\n'"),
        ("x-amz-security-token:FwoG\nx-amz-date:2", "x-amz-security-token:***\nx-amz-date:2"),
        ("proxy http://me:pass@host:80/", "proxy http://me:***@host:80/"),
        ("password=abc, user=me", "password=***, user=me"),
    ],
)
def test_what_looks_like_a_credential_is_hidden_though_it_is_not_known(text, shown):
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "GET /b?list-type=2&continuation-token=abc&prefix=x",
        "https://host:443/a@b",
        "3 files uploaded, signature checked",
        "images/token/secret.png",
    ],
)
def test_ordinary_texts_stay(text):
    assert redact(text) == text


@pytest.fixture
def log():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    handler.addFilter(RedactingFilter())
    parent = logging.getLogger("buckia-redaction-test")
    parent.propagate = False
    parent.setLevel(logging.DEBUG)
    parent.addHandler(handler)
    yield logging.getLogger("buckia-redaction-test.below"), stream
    parent.removeHandler(handler)


def test_log_records_are_redacted_wherever_the_secret_is(log):
    logger, stream = log
    secret = Secret("hunter2-hunter2")
    logger.info("message %s", "hunter2-hunter2")
    logger.info("encoded %(k)s", {"k": quote("hunter2-hunter2")})
    logger.info("Authorization: %s", "Basic abc")
    try:
        int(secret.reveal())
    except ValueError:
        logger.exception("failed")
    logger.info("stack", stack_info=True)
    shown = stream.getvalue()
    assert "hunter2" not in shown
    assert "Basic abc" not in shown
    assert "ValueError: invalid literal for int() with base 10: '***'" in shown
    assert "buckia-redaction-test.below message ***" in shown
    assert "Stack (most recent call last)" in shown


def test_a_record_without_a_secret_keeps_its_arguments(log):
    record = logging.LogRecord("n", logging.INFO, "f", 1, "%d files", (3,), None)
    assert RedactingFilter().filter(record)
    assert (record.msg, record.args) == ("%d files", (3,))


def test_a_record_that_can_not_be_formatted_does_not_show_its_arguments(log, capsys):
    logger, stream = log
    secret = Secret("hunter2-hunter2")
    logger.info("%d files", secret.reveal())
    assert "hunter2" not in stream.getvalue() + capsys.readouterr().err
    assert "%d files ('***',)" in stream.getvalue()


def test_a_secret_is_forgotten_with_its_owner(log):
    logger, stream = log
    secret = Secret("a short-lived secret")
    logger.info("a short-lived secret")
    del secret
    logger.info("a short-lived secret")
    assert stream.getvalue().split("\n")[:2] == [f"{logger.name} ***", f"{logger.name} a short-lived secret"]
