"""The `factory` command: one module a group of commands."""
