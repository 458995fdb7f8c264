"""Webhooks of a project, under /management/v1/projects/{projectId}/webhooks (behaviour 7)."""
