"""Secrets and signatures do not get into texts and logs."""

from __future__ import annotations

import base64
import io
import json
import logging
import pickle
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.config.secrets.redaction import MASK, RedactingFilter, clean, mask, mask_known, redact
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, ConfigError, NotFound

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


@given(st.text(max_size=30), st.text(min_size=16, max_size=40), st.text(max_size=30))
def test_no_text_shows_a_secret(before, secret, after):
    shown = redact(before + secret + after, [Secret(secret)])
    assert secret not in shown or secret in "***" + after + before or set(secret) <= {"*"}


def test_of_two_secrets_the_longer_is_hidden_completely():
    assert redact("abcd1efgh2ijkl", [Secret("abcd1efgh"), Secret("abcd1efgh2ijkl")]) == "***"


LONG = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize("text", [LONG.lower(), LONG.upper(), quote(LONG).lower(), f"x{LONG}x", f"é{LONG}é"])
def test_the_case_in_which_a_server_repeats_a_secret_does_not_matter(text):
    shown = redact(text, [Secret(LONG)])
    assert shown.strip("xé") == "***"


@pytest.mark.parametrize("gap", ["\n", "\r\n    ", " ", "\\n"])
def test_a_secret_that_is_broken_over_lines_is_found(gap):
    text = f"the key\n{LONG[:20]}{gap}{LONG[20:]}\nis wrong"
    assert redact(text, [Secret(LONG)]) == "the key\n***\nis wrong"


AWKWARD = "wJa/lr+XUtnF&MI/K7MDENG/bPxRf+iCYEXAMPLEKEY"


@pytest.mark.parametrize(
    "shown",
    [
        AWKWARD.replace("/", "\\/"),
        json.dumps(AWKWARD)[1:-1].replace("&", "\\u0026"),
        json.dumps(AWKWARD.replace("/", "\\/"))[1:-1],
        AWKWARD.replace("&", "&amp;"),
        AWKWARD.replace("+", "&#43;").replace("/", "&#x2F;"),
        AWKWARD.replace("/", "%2F"),
        AWKWARD.replace("+", "%2b"),
        quote(quote(AWKWARD, safe=""), safe=""),
        "".join(f"&#{ord(letter)};" for letter in AWKWARD),
        "".join(f"\\u{ord(letter):04x}" for letter in AWKWARD),
        *(AWKWARD[:5] + between + AWKWARD[5:] for between in ("\0", "\x1b[0m", "\u200b", "\xad", "\ufeff", "=\r\n")),
        *(AWKWARD[:20] + between + AWKWARD[20:] for between in ("\0", "\u200b", "%00", "&#8203;", "§")),
    ],
)
def test_a_secret_that_is_encoded_in_parts_or_twice_is_hidden_completely(shown):
    text = f"{shown} was refused, {shown}"
    known = Secret(AWKWARD)
    assert redact(text, [known]) == f"{MASK} was refused, {MASK}"
    assert mask_known(text) == f"{MASK} was refused, {MASK}"


@pytest.mark.parametrize(
    "text",
    ["50% of a&b; \\n &unknown; %zz \\q", "100%25 &amp; c:\\temp\\new", "a\tb\x1b[0m\n", "&#99999999; \\ud800 %ff"],
)
def test_an_encoded_text_without_a_secret_stays_as_it_is(text):
    assert redact(text, [Secret(AWKWARD)]) == text


def test_of_a_long_secret_the_beginning_is_enough_because_messages_are_cut_off():
    assert redact(f"your key {LONG[:20]}…", [Secret(LONG)]) == "your key ***…"
    assert redact(f"your key {LONG[:8]}…", [Secret(LONG)]) == f"your key {LONG[:8]}…"


WORDS = ["password", "admin", "test", "minioadmin", "minio-admin", "Password1", "test1234", "at", "12345678", "kkkk"]


@pytest.mark.parametrize("word", WORDS)
def test_a_secret_that_is_an_ordinary_word_leaves_other_texts_alone(word):
    texts = [
        f"failed: {word}/a.txt: no such key {word!r}",
        f"bucket {word} is empty; {word}: 3 uploaded",
        f"GET /b?prefix={word}&list-type=2",
        f"<Key>{word}</Key> for the key {word}, {word}s",
    ]
    secrets = [Secret(word), Secret("")]
    assert [redact(text, secrets) for text in texts] == texts


def test_a_secret_of_a_letter_or_two_is_a_value_only_after_a_sign():
    assert redact("the token is a secret, password: a", [Secret("a")]) == "the token is a secret, password: ***"


@pytest.mark.parametrize("word", [word for word in WORDS if len(word) >= 4])
@pytest.mark.parametrize(
    "text",
    [
        "password={}",
        "the secret is {}",
        "your secret key was '{}'",
        '{{"token": "{}"}}',
        "Authorization: {}",
        "accesskey: {}",
        "http://me:{}@host/",
        "<SecretAccessKey>{}</SecretAccessKey>",
        "access key: `{}` is unknown",
        "application_key = {}",
    ],
)
def test_an_ordinary_word_is_hidden_where_it_stands_as_a_secret(text, word):
    shown = redact(text.format(word), [Secret(word)])
    assert shown == text.format("***") or "***" in shown
    assert word not in shown or word in text


def test_an_id_of_an_access_key_is_no_secret():
    assert redact("AKIAIOSFODNN7EXAMPLE is unknown", [Secret("AKIAIOSFODNN7EXAMPLE", is_public=True)]).startswith(
        "AKIA"
    )


def test_results_keep_what_only_looks_like_a_credential():
    secret = Secret(LONG)
    assert mask(f"a?token=x {LONG}", [secret]) == "a?token=x ***"
    assert redact("a?token=x", [secret]) == "a?token=***"


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
        ("GET /file/b/k?Authorization=3_2024_abc&a=b", "GET /file/b/k?Authorization=***&a=b"),
        ("https://z.b-cdn.net/k?bcdn_token=HS256-ab&expires=9", "https://z.b-cdn.net/k?bcdn_token=***&expires=9"),
        (
            "https://z/bcdn_token=HS256-ab&expires=9&token_path=%2Fa/k",
            "https://z/bcdn_token=***&expires=9&token_path=%2Fa/k",
        ),
        ("X-Amz-S3session-Token: abc", "X-Amz-S3session-Token: ***"),
        ("/k?x-amz-s3session-token=abc", "/k?x-amz-s3session-token=***"),
        ("next=%2Fk%3FX-Amz-Signature%3D0a1b%26X-Amz-Date%3D2", "next=%2Fk%3FX-Amz-Signature%3D***%26X-Amz-Date%3D2"),
        (
            "x-amz-server-side-encryption-customer-key: Zm9v\nx-amz-server-side-encryption-customer-key-MD5: YQ==",
            "x-amz-server-side-encryption-customer-key: ***\nx-amz-server-side-encryption-customer-key-MD5: YQ==",
        ),
        ("X-Bz-Server-Side-Encryption-Customer-Key: Zm9v", "X-Bz-Server-Side-Encryption-Customer-Key: ***"),
        ("sent with Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIi", "sent with Bearer ***"),
        ('{"authorizationToken": "4_00abc", "accountId": "1"}', '{"authorizationToken": "***", "accountId": "1"}'),
        (r'"{\"applicationKey\": \"K00abc\"}"', r'"{\"applicationKey\": \"***\"}"'),
        ("<SessionToken>FwoG</SessionToken><Key>a</Key>", "<SessionToken>***</SessionToken><Key>a</Key>"),
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
        "the server refuses the signature: check secret_access_key",
        "Basic authentication, and a Bearer token",
        "<NextContinuationToken>abc</NextContinuationToken>",
        '{"key": "a", "accessKeyId": "AKIA"}',
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


def test_lines_are_checked_for_the_current_secrets():
    line = "x 0a1b-2c3d-4e5f y password=swordfish"
    assert mask_known(line) is line
    first = Secret("0a1b-2c3d-4e5f")
    assert mask_known(line) == "x *** y password=swordfish"
    second = Secret("swordfish")
    assert mask_known(line) == "x *** y password=***"
    del first, second
    assert mask_known(line) == line


# --- errors ------------------------------------------------------------------------------------------------


def test_the_message_of_an_error_shows_no_secret_wherever_it_is_shown():
    secret = Secret(LONG)
    error = AdapterError(f"it said {LONG}", key=f"a/{LONG}", request_id=f"id {LONG}", code=LONG)
    copy = pickle.loads(pickle.dumps(error))
    for each in (error, copy):
        shown = [str(each), repr(each), each.message, each.request_id, each.code, *each.args]
        assert not [text for text in shown if LONG in str(text)]
        assert each.message == "it said ***"
    # A key is data: whoever asks for it must get the object's own.
    assert error.key == f"a/{secret.reveal()}"


def test_the_message_of_an_error_can_not_steer_a_terminal_or_begin_a_line():
    assert str(NotFound("a\x1b[2Jb\n\u202ec")) == r"a\x1b[2Jb\n\u202ec"
    assert str(ConfigError("no\rway", source="a\nb")) == r"a\nb: no\rway"


def test_clean_is_for_messages():
    assert clean("Authorization: Basic abc\n") == "Authorization: ***\\n"
