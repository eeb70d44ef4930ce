"""Commands by which an operator manages IPsec policies."""
