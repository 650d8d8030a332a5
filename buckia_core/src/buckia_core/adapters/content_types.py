"""MIME types by file extension: one table, the same on every machine and Python version."""

from __future__ import annotations

from functools import cache

UNKNOWN = "application/octet-stream"

# IANA names if registered, else those that nginx, Apache and browsers use.
_TABLE = """
application/atom+xml                        atom
application/dash+xml                        mpd
application/dicom                           dcm
application/ecmascript                      es
application/epub+zip                        epub
application/geo+json                        geojson
application/gpx+xml                         gpx
application/graphql                         graphql gql
application/gzip                            gz tgz svgz
application/java-archive                    jar war ear
application/json                            json map topojson webapp
application/json5                           json5
application/ld+json                         jsonld
application/mac-binhex40                    hqx
application/manifest+json                   webmanifest
application/mathml+xml                      mathml
application/mbox                            mbox
application/msword                          doc dot wiz
application/n-quads                         nq
application/n-triples                       nt
application/octet-stream                    bin exe dll so o a obj deb dmg iso img msi msp dist distz pkg bpk dump elc
application/oda                             oda
application/ogg                             ogx
application/pdf                             pdf
application/pem-certificate-chain           pem
application/pgp-encrypted                   pgp gpg
application/pgp-signature                   sig asc
application/pkcs7-mime                      p7c p7m
application/pkix-cert                       cer
application/pkix-crl                        crl
application/postscript                      ps eps ai
application/rdf+xml                         rdf owl
application/rss+xml                         rss
application/rtf                             rtf
application/schema+json                     jschema
application/smil+xml                        smil smi
application/sparql-query                    rq
application/sql                             sql
application/toml                            toml
application/trig                            trig
application/ttml+xml                        ttml dfxp
application/vnd.palm                        pdb
application/vnd.android.package-archive     apk
application/vnd.apache.avro                 avro
application/vnd.apache.arrow.file           arrow feather
application/vnd.apache.parquet              parquet
application/vnd.apple.installer+xml         mpkg
application/vnd.apple.keynote               keynote
application/vnd.apple.mpegurl               m3u8
application/vnd.apple.numbers               numbers
application/vnd.apple.pages                 pages
application/vnd.debian.binary-package       udeb
application/vnd.geopackage+sqlite3          gpkg
application/vnd.google-earth.kml+xml        kml
application/vnd.google-earth.kmz            kmz
application/vnd.mapbox-vector-tile          mvt
application/vnd.mozilla.xul+xml             xul
application/vnd.ms-cab-compressed           cab
application/vnd.ms-excel                    xls xlb xlt xla xlm
application/vnd.ms-fontobject               eot
application/vnd.ms-outlook                  msg
application/vnd.ms-powerpoint               ppt pot ppa pps pwz
application/vnd.ms-project                  mpp
application/vnd.oasis.opendocument.chart         odc
application/vnd.oasis.opendocument.database      odb
application/vnd.oasis.opendocument.formula       odf
application/vnd.oasis.opendocument.graphics      odg
application/vnd.oasis.opendocument.presentation  odp
application/vnd.oasis.opendocument.spreadsheet   ods
application/vnd.oasis.opendocument.spreadsheet-template  ots
application/vnd.oasis.opendocument.text          odt
application/vnd.oasis.opendocument.text-template ott
application/vnd.openxmlformats-officedocument.presentationml.presentation  pptx
application/vnd.openxmlformats-officedocument.presentationml.slideshow     ppsx
application/vnd.openxmlformats-officedocument.presentationml.template      potx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet          xlsx
application/vnd.openxmlformats-officedocument.spreadsheetml.template       xltx
application/vnd.openxmlformats-officedocument.wordprocessingml.document    docx
application/vnd.openxmlformats-officedocument.wordprocessingml.template    dotx
application/vnd.ms-excel.sheet.macroEnabled.12              xlsm
application/vnd.ms-powerpoint.presentation.macroEnabled.12  pptm
application/vnd.ms-word.document.macroEnabled.12            docm
application/vnd.rar                         rar
application/vnd.sqlite3                     sqlite sqlite3
application/vnd.visio                       vsd vsdx
application/wasm                            wasm
application/wsdl+xml                        wsdl
application/x-7z-compressed                 7z
application/x-bittorrent                    torrent
application/x-blender                       blend
application/x-bzip2                         bz2 tbz2 tbz
application/x-chrome-extension              crx
application/x-compress                      z
application/x-cpio                          cpio
application/x-csh                           csh
application/x-dvi                           dvi
application/x-font-afm                      afm
application/x-hdf                           hdf
application/x-hdf5                          h5 hdf5
application/x-httpd-php                     php
application/x-ipynb+json                    ipynb
application/x-java-jnlp-file                jnlp
application/x-java-vm                       class
application/x-latex                         latex
application/x-lz4                           lz4
application/x-lzip                          lz
application/x-lzma                          lzma
application/x-mobipocket-ebook              mobi prc azw azw3
application/x-ms-shortcut                   lnk
application/x-msaccess                      mdb accdb
application/x-ndjson                        ndjson jsonl
application/x-netcdf                        nc cdf
application/x-pkcs12                        p12 pfx
application/x-python-code                   pyc pyo
application/x-redhat-package-manager        rpm
application/x-sh                            sh bash
application/x-shockwave-flash               swf
application/x-stuffit                       sit
application/x-subrip                        srt
application/x-tar                           tar gtar ustar
application/x-tcl                           tcl tk
application/x-tex                           tex
application/x-texinfo                       texinfo texi
application/x-troff                         roff t tr
application/x-troff-man                     man
application/x-x509-ca-cert                  crt der
application/x-xpinstall                     xpi
application/x-xz                            xz txz
application/xhtml+xml                       xhtml xht
application/xml                             xsd xsl xpdl
application/xml-dtd                         dtd
application/xslt+xml                        xslt
application/xspf+xml                        xspf
application/yaml                            yaml yml
application/zip                             zip
application/zstd                            zst tzst
audio/aac                                   aac adts
audio/aiff                                  aif aiff aifc
audio/amr                                   amr
audio/basic                                 au snd
audio/flac                                  flac
audio/matroska                              mka
audio/midi                                  mid midi kar rmi
audio/mp4                                   m4a m4b
audio/mpeg                                  mp3 mp2 mpga
audio/ogg                                   ogg oga spx
audio/opus                                  opus
audio/wav                                   wav
audio/webm                                  weba
audio/x-mpegurl                             m3u
audio/x-ms-wma                              wma
audio/x-pn-realaudio                        ra ram
audio/x-scpls                               pls
font/collection                             ttc
font/otf                                    otf
font/ttf                                    ttf
font/woff                                   woff
font/woff2                                  woff2
image/apng                                  apng
image/avif                                  avif
image/bmp                                   bmp dib
image/gif                                   gif
image/heic                                  heic
image/heif                                  heif
image/jp2                                   jp2 jpg2
image/jpeg                                  jpg jpeg jpe jfif pjpeg
image/jxl                                   jxl
image/jxr                                   jxr
image/ktx2                                  ktx2
image/png                                   png
image/svg+xml                               svg
image/tiff                                  tif tiff
image/vnd.adobe.photoshop                   psd
image/vnd.djvu                              djvu djv
image/vnd.dwg                               dwg
image/vnd.dxf                               dxf
image/vnd.microsoft.icon                    ico cur
image/vnd.ms-dds                            dds
image/vnd.radiance                          hdr
image/webp                                  webp
image/wmf                                   wmf
image/emf                                   emf
image/x-adobe-dng                           dng
image/x-canon-cr2                           cr2
image/x-canon-cr3                           cr3
image/x-exr                                 exr
image/x-nikon-nef                           nef
image/x-pcx                                 pcx
image/x-portable-anymap                     pnm
image/x-portable-bitmap                     pbm
image/x-portable-graymap                    pgm
image/x-portable-pixmap                     ppm
image/x-sony-arw                            arw
image/x-tga                                 tga
image/x-xbitmap                             xbm
image/x-xcf                                 xcf
image/x-xpixmap                             xpm
message/rfc822                              eml mht mhtml
model/3mf                                   3mf
model/gltf+json                             gltf
model/gltf-binary                           glb
model/mtl                                   mtl
model/stl                                   stl
model/step                                  step stp
model/vnd.collada+xml                       dae
model/vnd.usdz+zip                          usdz
text/asciidoc                               adoc asciidoc
text/calendar                               ics ifb
text/css                                    css
text/csv                                    csv
text/html                                   html htm shtml
text/javascript                             js mjs cjs
text/jsx                                    jsx
text/markdown                               md markdown mkd
text/mdx                                    mdx
text/n3                                     n3
text/org                                    org
text/plain                                  txt text log ini cfg conf properties list def in bat cmd c h pl ksh
text/richtext                               rtx
text/tab-separated-values                   tsv
text/turtle                                 ttl
text/vcard                                  vcf vcard
text/vtt                                    vtt
text/x-c++src                               cpp cc cxx
text/x-c++hdr                               hpp hh hxx
text/x-component                            htc
text/x-csharp                               cs
text/x-diff                                 diff patch
text/x-go                                   go
text/x-java-source                          java
text/x-kotlin                               kt kts
text/x-less                                 less
text/x-lua                                  lua
text/x-nfo                                  nfo
text/x-opml                                 opml
text/x-python                               py
text/x-rst                                  rst
text/x-ruby                                 rb
text/x-rust                                 rs
text/x-sass                                 sass
text/x-scala                                scala
text/x-scss                                 scss
text/x-setext                               etx
text/x-sgml                                 sgm sgml
text/x-ssa                                  ass ssa
text/x-swift                                swift
text/x-tsx                                  tsx
text/x-vue                                  vue
text/xml                                    xml
video/3gpp                                  3gp 3gpp
video/3gpp2                                 3g2 3gpp2
video/iso.segment                           m4s
video/matroska                              mkv
video/mp2t                                  ts m2ts mts
video/mp4                                   mp4 m4v mp4v
video/mpeg                                  mpeg mpg mpe m1v m2v mpa
video/mxf                                   mxf
video/ogg                                   ogv
video/quicktime                             mov qt
video/webm                                  webm
video/x-flv                                 flv
video/x-ms-asf                              asf asx
video/x-ms-wmv                              wmv
video/x-msvideo                             avi
"""


def guess_content_type(key: str) -> str:
    """Guess the MIME type of a key by its extension; `application/octet-stream` if it is unknown.

    A compressed file has the type of its compression, as objects have no `Content-Encoding`. Does not use the MIME
    table of the system, so that a key has the same type from every machine.
    """
    _, dot, ending = key.rpartition("/")[2].rpartition(".")
    return _types().get(ending.lower(), UNKNOWN) if dot else UNKNOWN


@cache
def _types() -> dict[str, str]:
    rows = (line.split() for line in _TABLE.splitlines() if line)
    return {ending: kind for kind, *endings in rows for ending in endings}
