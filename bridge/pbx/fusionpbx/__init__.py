"""FusionPBX: its PostgreSQL, its cache files and the FreeSWITCH under it."""
