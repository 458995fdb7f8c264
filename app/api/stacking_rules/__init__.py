"""Stacking rules of a project, under /management/v1/projects/{projectId}/stacking-rules (behaviour 4.4)."""
