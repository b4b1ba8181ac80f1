"""Small towns in metres, drawn from above, as a map, and from the street: the same town in each."""
