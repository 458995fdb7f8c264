"""Telling others what happened: what of it needs neither the database nor the network."""
