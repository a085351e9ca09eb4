"""PBX drivers, one file each."""
