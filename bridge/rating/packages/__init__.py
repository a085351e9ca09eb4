"""What is sold: packages as values, as files, and what is doubtful in them."""
