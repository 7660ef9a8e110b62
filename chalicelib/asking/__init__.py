"""Questions about leads become queries: a closed model, a small grammar of English, and what a query means. Pure."""
