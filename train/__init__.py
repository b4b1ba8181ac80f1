"""Trains and evaluates on released rows, for whoever has just the data set.

It reads a release through `release.read` and knows nothing of builds. torch, transformers, trl and peft come with the
extra `train` and are imported inside the functions that need them: evaluation runs without.
"""
