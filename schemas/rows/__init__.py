"""Released rows: one module a dataset family, and what all rows share."""
