"""One HTTP/1.1 client, for adapters: with blocking calls, or on an event loop, by the same code."""
