"""Co-players, and who plays whom."""
