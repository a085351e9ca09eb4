"""What a call costs: pure, exact and explained. Imports the standard library and itself."""
