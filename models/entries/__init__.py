"""What the catalog says of each network, a file each; without torch."""
