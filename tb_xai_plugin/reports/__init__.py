"""What leaves a record: a page that opens from disk, Markdown, summaries, pictures, tables."""
