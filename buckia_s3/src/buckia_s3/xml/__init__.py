"""Responses in XML."""
