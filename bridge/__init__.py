"""The bridge: multi-tenant telephony sold from WHMCS, exactly and calmly."""

__version__ = "0.1.0"
