"""What was dialled, and which number it means."""
