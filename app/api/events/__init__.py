"""Custom events: what customers do, told by shops and by their pages, checked by schema and counted."""
