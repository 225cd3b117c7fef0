"""What customers are worth and where they stand: bands, RFM, super users, lifecycle."""
