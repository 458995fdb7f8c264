"""Metadata schemas: read with a project's key, written under management. A write raises the project's
settings version, so the next request on every worker is checked against it.
"""
