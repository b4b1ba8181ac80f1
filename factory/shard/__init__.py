"""One shard: its photos and its answers."""
