"""The formula language: text to a bounded tree to closures. Never raises at evaluation, never loops."""
