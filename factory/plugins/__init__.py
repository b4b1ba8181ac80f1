"""What a plug-in is: the registry, how a recipe writes one, and every contract in one file."""
