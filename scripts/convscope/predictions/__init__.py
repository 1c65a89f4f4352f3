"""What every network predicts: tidy table, the report's layout, summary (no torch)."""
