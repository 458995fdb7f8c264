"""Pictures of codes, for e-mails, invoices and parcels (S16): named by a signed id, which tells nothing of
the code.
"""
