"""Categories: names by which stacking rules tell redeemables apart.

Part of the project's settings: a change is published under the guard "s".
"""
