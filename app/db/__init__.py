"""The relational side: schema, engine, sessions. Knows SQLAlchemy and nothing else of the app.

What cannot happen: a query outside its project (primary keys are (project_id, id)), an UPDATE or DELETE on
the ledger.
"""
