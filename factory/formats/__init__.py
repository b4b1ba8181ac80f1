"""Rows of data sets as training tools read them, and the way from any of these formats to any other.

A format is two pure functions, from its row to a `Record` and back, and a kind of file that its rows lie in. What a
format cannot say of a record is found by reading its row again: it goes into the sidecar, or the row is refused.
"""
