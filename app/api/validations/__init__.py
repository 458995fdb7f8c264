"""POST /v1/validations."""
