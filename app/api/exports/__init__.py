"""Exports: files of what a project has, asked for here, written by app.jobs, downloaded with a token of
their own.
"""
