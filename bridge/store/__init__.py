"""Named questions to the database, a file per noun. They take an open transaction first and never commit."""
