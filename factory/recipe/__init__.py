"""From YAML to a checked recipe, and what of it is a build's identity."""
