"""Locations: read under /v1/locations as published, made and changed under /v1/engine/locations."""
