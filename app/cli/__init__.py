"""The command line: `vouchsafe <command>`. Commands import what they need when they run, so that --help is
quick.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 Redis or the database cannot be reached.
"""
