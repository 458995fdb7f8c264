"""Not a room: what a transaction changed, told to the webhooks of its project. Rooms do not call it, they are
listened to; a new kind of object is told by a new row of a table here.
"""
