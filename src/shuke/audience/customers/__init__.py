"""One profile and one time line for each customer."""
