"""The server of one's own: a Valkey under the data directory, started and watched by `vouchsafe serve`.

Owns: finding the binary, its configuration, its life. May not know: what is stored in it. What cannot
happen: two servers on one data directory; a server that acknowledges before its append-only file is synced;
a server that is left dead while its supervisor lives.
"""
