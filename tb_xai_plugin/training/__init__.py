"""The training side: explaining while a model trains, within a budget, and writing the record."""
