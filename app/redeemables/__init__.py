"""The spine's hand: what validations, qualifications, redemptions, rollbacks and their client-side twins
share.

Owns: gathering facts, the loop of decide and apply, and the answer. May not know: HTTP. What cannot happen: a
taking that
was decided on a catalogue, record or order which had changed when the script ran.
"""
