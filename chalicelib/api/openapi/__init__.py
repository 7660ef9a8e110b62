"""The description of the REST API in OpenAPI 3.1, made from the routes, the models and one registry of operations."""
