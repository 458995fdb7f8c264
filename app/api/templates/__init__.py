"""/v1/templates: a campaign or a tier is kept as a template, and campaigns and tiers are made from it.

What is made is made by the rooms of campaigns and promotions, and checked by them.
"""
