"""The phases of a build, and what a build is while it runs."""
