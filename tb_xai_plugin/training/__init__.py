"""fit's side: explains while a model trains, within a budget, and writes."""
