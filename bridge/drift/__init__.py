"""Drift: what is wanted against what is mirrored, what is there, and what WHMCS says; and what is done about it."""
