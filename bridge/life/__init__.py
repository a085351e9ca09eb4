"""The bridge's own life: whom it serves, its backups, its upgrades, and how it is."""
