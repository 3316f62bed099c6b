"""What a run leaves on disk and on the screen, and how runs are compared; no Ray."""
