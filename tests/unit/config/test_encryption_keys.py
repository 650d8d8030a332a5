"""Keys of one's own: which are taken, and that none is shown."""

from __future__ import annotations

import base64

import pytest

from buckia_core.config.convert import InvalidValue
from buckia_core.config.encryption_keys import parse_encryption_key
from buckia_core.config.secrets.references import Secret


def test_a_key():
    key = Secret(base64.b64encode(bytes(32)).decode())
    assert parse_encryption_key(key) is key


@pytest.mark.parametrize(
    ("text", "words"), [("not base64 at all!", "is no base64"), (base64.b64encode(b"sesame").decode(), "has 48 bits")]
)
def test_what_is_none_is_not_shown(text, words):
    with pytest.raises(InvalidValue) as caught:
        parse_encryption_key(Secret(text))
    assert words in caught.value.clause
    assert text not in str(caught.value)
