"""The MIME type that a key's ending stands for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from buckia_core.adapters.content_types import guess_content_type

COMMON = """
html text/html
css text/css
js mjs text/javascript
json map application/json
xml text/xml
svg image/svg+xml
png image/png
jpg jpeg image/jpeg
gif image/gif
webp image/webp
avif image/avif
heic image/heic
ico image/vnd.microsoft.icon
woff font/woff
woff2 font/woff2
ttf font/ttf
otf font/otf
eot application/vnd.ms-fontobject
wasm application/wasm
webmanifest application/manifest+json
txt log text/plain
md text/markdown
csv text/csv
vtt text/vtt
ics text/calendar
yaml yml application/yaml
pdf application/pdf
rtf application/rtf
epub application/epub+zip
doc application/msword
docx application/vnd.openxmlformats-officedocument.wordprocessingml.document
xlsx application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
pptx application/vnd.openxmlformats-officedocument.presentationml.presentation
odt application/vnd.oasis.opendocument.text
mp3 audio/mpeg
m4a audio/mp4
ogg audio/ogg
opus audio/opus
flac audio/flac
wav audio/wav
mp4 video/mp4
webm video/webm
mov video/quicktime
mkv video/matroska
ts video/mp2t
m3u8 application/vnd.apple.mpegurl
glb model/gltf-binary
parquet application/vnd.apache.parquet
zip application/zip
7z application/x-7z-compressed
rar application/vnd.rar
tar application/x-tar
gz application/gzip
zst application/zstd
"""


def common():
    for *endings, kind in map(str.split, COMMON.split("\n")[1:-1]):
        yield from ((ending, kind) for ending in endings)


@pytest.mark.parametrize(("ending", "kind"), list(common()))
def test_common_endings(ending, kind):
    assert guess_content_type(f"folder/file.{ending}") == guess_content_type(f"FILE.{ending.upper()}") == kind


@pytest.mark.parametrize("key", ["a", "html", "a.", "a.html/b", "a.unknown", ".", "", "a.b c", "dir.css/"])
def test_what_tells_nothing(key):
    assert guess_content_type(key) == "application/octet-stream"


def test_a_compressed_file_is_of_its_compression():
    assert guess_content_type("a.tar.gz") == "application/gzip"
    assert guess_content_type("a.tar.xz") == "application/x-xz"


def test_the_tables_of_the_machine_and_of_python_do_not_matter():
    code = (
        "import sys; sys.modules['mimetypes'] = None\n"
        "from buckia_core import guess_content_type\n"
        "print(guess_content_type('a.webp'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "image/webp"


def test_each_ending_stands_in_the_table_once():
    from buckia_core.adapters.content_types import _TABLE

    endings = [ending for line in _TABLE.splitlines() for ending in line.split()[1:]]
    assert len(endings) == len(set(endings)) > 300
    assert all(line.split()[0].count("/") == 1 for line in _TABLE.splitlines() if line)
