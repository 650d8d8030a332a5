"""A server that behaves like bunny.net's Edge Storage, its core API and its CDN, over real HTTP.

Written from what is documented and seen by others; each module names the sections of the project's provider notes
("PROVIDERS") that it follows. Where these say nothing, the docstring says "chosen".
"""
