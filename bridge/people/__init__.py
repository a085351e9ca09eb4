"""People are told: tasks, departments, their channels, what is sent through them and when."""
