"""What other prices would have made of the same calls."""
