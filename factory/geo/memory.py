"""Memory that loading tables leaves in the heap."""

from __future__ import annotations


def return_to_system() -> None:
    """Gives back what loading left in glibc's heap, which keeps it otherwise; other systems need nothing."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
