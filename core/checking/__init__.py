"""Training data before it is trained on: what is wrong with it, and which samples to look at."""
