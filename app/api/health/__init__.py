"""Liveness and readiness for whoever supervises this server: no key needed, nothing told of any project."""
