"""Many calls at once, by the column: the same answers as the plain engine."""
