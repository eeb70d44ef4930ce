"""How fast the product is, measured against named references (docs/benchmarks.md)."""
