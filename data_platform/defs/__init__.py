"""What runs in this code location; nothing imports it."""
