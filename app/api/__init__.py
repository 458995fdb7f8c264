"""The rooms: one per first URL segment, each with controller.py (handlers and its rows of the route table)
and schemas.py.

A handler takes a Call and gives an Answer; SQL lives in service.py and queries.py of the room.
"""
