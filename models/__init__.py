"""The networks and their catalog. Torch is imported by the families, not by the catalog."""
