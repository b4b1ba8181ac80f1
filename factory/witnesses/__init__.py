"""Witnesses: evidence that is not a teacher's answer."""
