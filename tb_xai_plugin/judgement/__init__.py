"""What the numbers of a run mean: distances, noise floors, events, shares of regions, comparisons. numpy only."""
