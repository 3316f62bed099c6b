"""What trained agents do, measured without Ray."""
