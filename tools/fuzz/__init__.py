"""Requests that nobody would send, made from the OpenAPI document: no answer may be a fault or a surprise."""
