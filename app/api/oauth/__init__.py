"""OAuth client credentials: a key pair is exchanged for a token that opens less, for 15 minutes."""
