"""The edge: authentication, decoding, errors, paging, the route table's shape. Knows Litestar, knows no
promotions.

What cannot happen: a body that was not decoded by a strict decoder, an answer without a request id, an error
that tells about another project.
"""
