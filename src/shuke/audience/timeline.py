"""What rooms show of a customer on his one time line: each registers its kind of entry."""
