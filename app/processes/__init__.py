"""What `vouchsafe serve` is made of (D17): one parent, N web workers on one inherited socket, one background
process.

Owns: the listening socket, starting, restarting and draining child processes. May not know: HTTP, rules, SQL.
What cannot happen: two parents on one data directory; a child that outlives its parent; a child that dies and
stays dead.
"""
