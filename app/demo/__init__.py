"""The demo shop "Kettle & Crumb": a coffee roaster with a bakery, and the promotions it runs this year.

Owns: the story and the requests that create it, through the public API like any other client. May not know:
the engine, SQL, the core. What cannot happen: a second run that makes anything twice.
"""
