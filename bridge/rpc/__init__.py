"""The JSON-RPC door, where the WHMCS module knocks."""
