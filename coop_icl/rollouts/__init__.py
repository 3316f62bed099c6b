"""The one batched rollout loop."""
