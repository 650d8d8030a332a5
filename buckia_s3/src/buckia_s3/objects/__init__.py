"""Objects: headers, metadata, checksums, encryption, locks."""
