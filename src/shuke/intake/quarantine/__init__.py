"""What could not become a fact waits here with its reason, to be mended and sent again, or dropped."""
