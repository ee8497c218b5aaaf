"""Jobs, the worker process, interpreters, devices, dependencies, seeds."""
