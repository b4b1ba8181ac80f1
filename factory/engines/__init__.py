"""Engines run shards: `run(specs, ...)` yields a report as each shard ends. Nothing else of them is visible."""
