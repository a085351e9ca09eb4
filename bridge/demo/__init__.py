"""What the demo needs and ships: a stand-in WHMCS, a simulated PBX and its story."""
