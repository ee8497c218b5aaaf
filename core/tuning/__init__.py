"""Searching hyperparameters: the space, the trials, what they found."""
