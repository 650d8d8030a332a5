"""The account's API."""
