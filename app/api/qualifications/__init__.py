"""POST /v1/qualifications: what this customer could use on this cart."""
