"""The console: server-rendered pages for people, at /console, when VOUCHSAFE_CONSOLE is on.

It owns how pages look and who is signed in. It knows no SQL, no Redis and no room: whatever a page shows or
does is a public operation, asked in the process with the visitor's own token, so that the key's role, its
limits, its addresses and the audit hold for people as for programs. A key's secret is seen once, at the
sign-in, and kept nowhere.
"""
