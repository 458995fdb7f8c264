"""The API's own documentation: the OpenAPI document and a page that shows it, with assets of its own."""
