"""How a customer can be reached, and what he agreed to."""
