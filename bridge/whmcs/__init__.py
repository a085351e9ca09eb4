"""What we ask of WHMCS and what we read of it."""
