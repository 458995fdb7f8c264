"""`make schemathesis`: the document as a promise, tried by schemathesis."""
