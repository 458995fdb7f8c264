"""`make vectors FILE=path`: promotions and carts, and what must come out, through the public HTTP API.

Owns how a file in the schema of tests/vectors/peer_vectors.json is run against a server. May not know of
single cases: no id, name or amount. A case is prepared, asked and judged through HTTP alone; only its project
is made beside the API.
"""
