"""`${NAME}` in texts of the configuration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.config.file import interpolate

ENVIRON = {"A": "one", "B_2": "two", "EMPTY": "", "LOOKS": "${A}"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${A}", "one"),
        ("x${A}y${B_2}z", "xoneytwoz"),
        ("${A}${A}", "oneone"),
        ("${GONE:-default}", "default"),
        ("${GONE:-}", ""),
        ("${GONE:-a:-b}", "a:-b"),
        ("${EMPTY:-default}", "default"),
        ("${EMPTY}", ""),
        ("${A:-default}", "one"),
        ("${LOOKS}", "${A}"),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("$${", "${"),
        ("$A $ $$ 5$", "$A $ $$ 5$"),
        ("", ""),
    ],
)
def test_variables(text, expanded):
    assert interpolate(text, ENVIRON) == expanded


def test_an_unset_variable_is_named_and_the_text_is_not_shown():
    with pytest.raises(ValueError, match=r"^needs the environment variable GONE, .*, or write \$\{GONE:-default\}$"):
        interpolate("hunter2${GONE}", ENVIRON)


@pytest.mark.parametrize(
    "text",
    ["${", "x${A", "${}", "${1A}", "${A-x}", "${A B}", "${ä}", "${A:default}", "${GONE:-${A}}", "${A:-x${B_2:-y}}"],
)
def test_what_is_no_variable_is_refused(text):
    with pytest.raises(ValueError, match=r"^has a \$\{ that is not of the form"):
        interpolate(text, ENVIRON)


@given(st.text(st.sampled_from("${}aA:-")) | st.text())
def test_every_text_can_be_written(text):
    assert interpolate(text.replace("${", "$${"), {}) == text
