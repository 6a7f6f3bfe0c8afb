"""Bytes to pixels and back. Knows no table."""
