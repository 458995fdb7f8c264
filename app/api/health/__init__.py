"""Liveness and readiness for whoever supervises this server: no key is needed, nothing is told of a project."""
