"""What leaves a record: summaries, tables, pictures and files."""
