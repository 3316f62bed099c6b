"""Pictures, tables and sentences of each analysis, a module an analysis, by its name."""
