"""Who they are: one record of each customer, and why we say so."""
