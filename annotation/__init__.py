"""People: what machines dispute goes to Label Studio, and what people say comes back. `docs/review.md` tells how."""
