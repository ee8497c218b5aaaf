"""Training: settings, loop, schedule, history, checkpoints."""
