"""Speed of this project beside others, as ratios measured in one run."""
