"""Analysis of a run's arrays: distances, noise floors, events, shares of regions, comparisons. numpy only."""
