import sys
import unicodedata

import pytest

from buckia_core.config.secrets.sanitize import sanitize


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain name.txt", "plain name.txt"),
        ("", ""),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("two\nlines\r\n", r"two\nlines\r\n"),
        ("a\tb", r"a\tb"),
        ("bell\x07 nul\x00 del\x7f", r"bell\x07 nul\x00 del\x7f"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("\u2066a\u2069 \u061c\u200e\u200f", r"\u2066a\u2069 \u061c\u200e\u200f"),
        ("line\u2028sep\u2029", r"line\u2028sep\u2029"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("caf\udce9", r"caf\xe9"),
        ("lone \ud800", r"lone \ud800"),
        ("[bold red]markup[/]", "[bold red]markup[/]"),
        ("naïve 日本語 한글 עברית", "naïve 日本語 한글 עברית"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("back\\slash", "back\\slash"),
        ("\u00a0no-break", "\u00a0no-break"),
    ],
)
def test_a_text_as_it_is_shown(text, shown):
    assert sanitize(text) == shown


def test_no_character_that_steers_a_terminal_passes():
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    left = {unicodedata.category(each) for each in sanitize(everything) if each not in "\u200c\u200d"}
    assert left.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    sanitize(everything).encode("utf-8")
