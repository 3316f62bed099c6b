"""Pictures, tables and verdicts of analyses, one module each."""
