"""A question is asked once, within limits, and remembered: ask, lanes, limiter, budget, ledger."""
