"""Campaigns: what their codes and tiers share. Owns the campaign's row; codes are made by
app.redeemables.issuing and app.jobs.

A name belongs to one campaign of a project for as long as that campaign exists, in the bin too.
"""
