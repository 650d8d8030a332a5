"""Building blocks for transfers: retries, part pool, ranged downloads, resumable uploads, sources."""
