"""The methods of the door, a file per noun."""
