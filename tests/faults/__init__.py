"""Commands on damaged and hostile files for as long as one likes: `make test-faults`. See `tests.faults.__main__`."""
