"""Where the files of tiles and scenes lie, and what else a program wants that reads them."""
