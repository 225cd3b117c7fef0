"""Which names are one customer, and who said so."""
