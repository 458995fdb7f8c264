"""Keys of projects, for management keys: an extension, as the contract leaves keys to its dashboard."""
