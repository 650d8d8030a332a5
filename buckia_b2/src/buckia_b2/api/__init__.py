"""B2's own API: session, transport, upload URLs."""
