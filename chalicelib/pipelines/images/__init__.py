"""Pictures in, web-ready JPEGs out."""
