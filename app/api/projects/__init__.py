"""Projects, for management keys."""
