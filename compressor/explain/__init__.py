"""What every byte of a file cost, what else was likely, and who knew it."""
