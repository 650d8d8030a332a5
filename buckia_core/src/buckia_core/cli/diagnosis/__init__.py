"""Checks of `buckia doctor`."""
