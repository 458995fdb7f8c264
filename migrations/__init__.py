"""The schema's history. One file per step, never changed once released."""
